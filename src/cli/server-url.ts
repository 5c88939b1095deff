/** The address of a server without its credentials, as it may be shown and written down. */
export function serverUrl(url: string): string {
  const withScheme = url.includes("://") ? url : `nats://${url}`
  if (!URL.canParse(withScheme)) return withScheme
  const { protocol, host } = new URL(withScheme)
  return `${protocol}//${host}`
}
