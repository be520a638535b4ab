/** Something that its user can mend: one sentence, without a stack. */
export class Refusal extends Error {}
