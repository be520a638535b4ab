/** Runs in a page: the visible texts whose contrast with what is behind them is below 4.5. */
export function lowContrasts(): string[] {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('There is no canvas to mix colours on')

  const mix = (colors: readonly string[]): number[] => {
    context.clearRect(0, 0, 1, 1)
    for (const color of colors) {
      context.fillStyle = color
      context.fillRect(0, 0, 1, 1)
    }
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]
  }
  const luminance = (rgb: readonly number[]): number => {
    const linear = rgb
      .map((value) => value / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return linear.reduce((sum, value, index) => sum + value * ([0.2126, 0.7152, 0.0722][index] ?? 0), 0)
  }
  const behind = (element: Element | null): string[] =>
    element ? [...behind(element.parentElement), getComputedStyle(element).backgroundColor] : ['white']
  const contrast = (element: Element): number => {
    const colors = behind(element)
    const [back, front] = [mix(colors), mix([...colors, getComputedStyle(element).color])].map(luminance)
    const [low, high] = [back ?? 0, front ?? 0].sort((a, b) => a - b)
    return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05)
  }

  return [...document.body.querySelectorAll('*')]
    .filter(
      (element) => element.checkVisibility() && !element.closest('svg, script, style, [aria-hidden=true]'),
    )
    .filter((element) =>
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.nodeValue?.trim()),
    )
    .filter((element) => contrast(element) < 4.5)
    .map((element) => `${contrast(element).toFixed(2)}: ${element.className} ${element.textContent}`)
}
