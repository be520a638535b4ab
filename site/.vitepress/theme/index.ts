import { inBrowser, type Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import './style.css'

/** Scrolls the navigation to the page that is shown: in a long list it would be out of sight. */
function showActivePage(): void {
  const list = document.querySelector('.VPSidebar')
  const active = list?.querySelector('.VPSidebarItem.is-link.is-active')
  if (!list || !active) return
  const { top, bottom } = active.getBoundingClientRect()
  const frame = list.getBoundingClientRect()
  if (top < frame.top + 80 || bottom > frame.bottom - 40) list.scrollTop += top - frame.top - frame.height / 3
}

export default {
  extends: DefaultTheme,
  enhanceApp({ router }) {
    if (!inBrowser) return
    router.onAfterPageLoad = () => void requestAnimationFrame(showActivePage)
  },
} satisfies Theme
