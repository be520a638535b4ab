import { RoomfulError } from './roomful-error.js'

/**
 * Thrown by a consumer's handler that logs its failures itself: it gets the same changes again, and `consume` writes no
 * line of its own.
 */
export class ReportedFailure extends RoomfulError {}
