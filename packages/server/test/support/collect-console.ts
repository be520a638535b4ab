import { onTestFinished, vi } from 'vitest'

/** Collects what is written to the console's error stream until the test ends. */
export function collectConsole(): string[] {
  const written: string[] = []
  for (const method of ['warn', 'error'] as const) {
    const spy = vi.spyOn(console, method).mockImplementation((text: string) => void written.push(text))
    onTestFinished(() => spy.mockRestore())
  }
  return written
}
