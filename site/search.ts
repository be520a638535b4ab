/**
 * The pages that explain come first: the reference has every word of every type, and the pages about how Roomful is
 * made are for those who make it. The site carries the functions as text, so they may use nothing from outside.
 */
export const searchOptions = {
  fuzzy: 0.2,
  prefix: true,
  boost: { title: 4, text: 2, titles: 1 },
  boostDocument: (id: string) =>
    /(^|\/)(api|decisions|results|bench)\//.test(id) || /\/testing[^#]*#(how-roomful|.*backplane)/.test(id)
      ? 0.2
      : /\/(architecture|wire-protocol|contributing|releasing|backplanes|guarantees)\b/.test(id)
        ? 0.4
        : 1,
  /** Words of a question that say nothing of what is asked for. */
  processTerm: (term: string) => {
    const word = term.toLowerCase()
    const empty =
      'a an and are can do does for from get have how i in is it my of on or the to use what when where which with'
    return empty.split(' ').includes(word) ? null : word
  },
}
