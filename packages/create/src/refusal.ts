/** A mistake that the user can fix. The command prints its message alone, without a stack. */
export class Refusal extends Error {}
