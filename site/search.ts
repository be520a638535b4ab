/** The reference has every word of every type: the pages that explain come first. */
export const searchOptions = {
  fuzzy: 0.2,
  prefix: true,
  boost: { title: 4, text: 2, titles: 1 },
  boostDocument: (id: string) => (/^\/(api|decisions|results|bench)\//.test(id) ? 0.2 : 1),
}
