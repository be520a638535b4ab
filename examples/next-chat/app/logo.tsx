export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M4 3h15a3 3 0 0 1 3 3v9a3 3 0 0 1-3 3h-8l-6 5v-5.2A3 3 0 0 1 1 15V6a3 3 0 0 1 3-3z" />
        <path d="M25 10h2a4 4 0 0 1 4 4v8a4 4 0 0 1-4 4v4l-5-4h-7a4 4 0 0 1-4-4v-1h9a5 5 0 0 0 5-5z" />
      </svg>
      <span>Roomful</span>
    </span>
  )
}
