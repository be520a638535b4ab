/** Why a `fetch` failed, in words. Its error says only that it did; the reason is in the cause. */
export function failureReason(error: unknown): string {
  const { cause } = Object(error) as { readonly cause?: unknown }
  const { code, message } = Object(cause ?? error) as { readonly code?: unknown; readonly message?: unknown }
  const reason = [code, message].find((words) => typeof words === 'string' && words !== '')
  return reason === undefined ? 'unknown reason' : String(reason)
}
