import { type Finding, limit, note, wrong } from '../finding.js'
import { originOf, type Target } from '../target.js'
import type { Answered, Certificate, Failed, Upgraded } from './handshake.js'
import { PASS_HOST, PASS_UPGRADES } from './mends.js'

const DAY_MS = 86_400_000
const SOON_DAYS = 14
/** What Roomful answers to an upgrade elsewhere; see PROTOCOL.md, it is for people only. */
export const SAYS_WHERE = /No WebSocket at this path: it is at (\S+)/

/** Why no answer came. */
export function failureWords({ code, message, step, certificate }: Failed, { url }: Target): Finding {
  const { hostname, host } = url
  const isTls = url.protocol === 'wss:'
  switch (code) {
    case 'ENOTFOUND':
      return wrong(
        'dns',
        `There is no address for ${hostname} in the DNS.`,
        'Correct the name, or add its record.',
      )
    case 'EAI_AGAIN':
      return wrong(
        'dns',
        `The DNS gives no answer for ${hostname} now.`,
        'Look at the network and the DNS server of this machine.',
      )
    case 'ECONNREFUSED':
      return wrong(
        'refused',
        `Nothing listens at ${host}: the connection was refused.`,
        'Start the server, or correct the port. A server that listens on 127.0.0.1 is not reachable from elsewhere: HOST=0.0.0.0.',
      )
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return wrong(
        'unreachable',
        `There is no way to ${host} in the network (${code}).`,
        'Look at routes and firewalls.',
      )
    case 'CERT_HAS_EXPIRED':
      return wrong(
        'certificate_expired',
        `The certificate of ${hostname} has expired${certificate ? ` on ${day(certificate.to)}` : ''}.`,
        'Renew it, and reload the proxy, which may still have the old one in its memory (nginx -s reload).',
      )
    case 'CERT_NOT_YET_VALID':
      return wrong(
        'certificate_too_new',
        `The certificate of ${hostname} is not valid yet${certificate ? `: it begins on ${day(certificate.from)}` : ''}.`,
        'Correct the clock of this machine, or the certificate.',
      )
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return wrong(
        'certificate_self_signed',
        `The certificate of ${hostname} is signed by itself, so no browser trusts it.`,
        'Get one of an authority (Caddy and certbot do it for free). If it is meant for tests, name it: NODE_EXTRA_CA_CERTS=cert.pem',
      )
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return wrong(
        'certificate_untrusted',
        `The certificate of ${hostname}${by(certificate)} is signed by an authority that this machine does not trust.`,
        'Have the proxy send the whole chain (nginx: ssl_certificate fullchain.pem;). An authority of your own: NODE_EXTRA_CA_CERTS=ca.pem',
      )
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return wrong(
        'certificate_chain',
        `The server sends its certificate${by(certificate)} without the ones between it and an authority. Some browsers find them elsewhere, others refuse.`,
        'Send the whole chain. nginx: ssl_certificate fullchain.pem;  An authority of your own: NODE_EXTRA_CA_CERTS=ca.pem',
      )
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return wrong(
        'certificate_name',
        `The certificate is for ${certificate?.names ?? 'another name'}, and not for ${hostname}.`,
        'Use a name that it has, or get one for this name. Behind a proxy of many sites, this may be that of another site: look at server_name.',
      )
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return wrong(
        'no_tls',
        `The server at ${host} does not speak TLS (${code}): it answers plainly.`,
        `Use ws:// if it is a private network, or put TLS before it. nginx: listen 443 ssl;`,
      )
    case 'TIMEOUT':
    case 'ETIMEDOUT':
      return timeoutWords(step, host)
    default:
      if (step === 'tls') return wrong('tls', `TLS with ${host} failed: ${message} (${code}).`)
      return wrong(
        'cut',
        `${host} cut the connection before it answered: ${message} (${code}).`,
        isTls
          ? 'Look at the log of the proxy.'
          : 'If the server speaks TLS, use wss://. Otherwise look at its log.',
      )
  }
}

function timeoutWords(step: Failed['step'], host: string): Finding {
  if (step === 'connect')
    return wrong(
      'timeout',
      `${host} does not answer at all.`,
      'A firewall or a security group drops what comes to this port: open it.',
    )
  if (step === 'tls')
    return wrong(
      'timeout',
      `${host} accepts connections, and TLS never completes.`,
      'Look whether the port speaks TLS.',
    )
  return wrong(
    'timeout',
    `${host} took the request to upgrade, and has not answered within 10 s.`,
    'What is behind the proxy hangs or is not there: look at its log.',
  )
}

/** Why an ordinary answer came instead of a WebSocket. `elsewhere` are other paths at which there is one. */
export function answerWords(answer: Answered, target: Target, elsewhere: readonly string[] = []): Finding {
  const { status, headers, body } = answer
  const { url } = target
  const by = headers.server ? ` (${headers.server})` : ''
  if (headers['cf-mitigated'] === 'challenge')
    return wrong(
      'challenge',
      'Cloudflare answers with a challenge, which a WebSocket cannot solve.',
      'Exclude the path of the WebSocket from the rule that challenges.',
    )
  if (status >= 300 && status < 400) return redirectWords(headers.location, url)
  if (/plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server/i.test(body))
    return wrong('needs_tls', `The port ${url.port} speaks TLS.`, `Use wss://${url.host}${url.pathname}`)
  const [other] = elsewhere
  if (other !== undefined)
    return wrong(
      'path',
      `There is no WebSocket at ${url.pathname} (${status}${by}), but one at ${other}.`,
      `Use ${url.protocol}//${url.host}${other}`,
    )
  switch (status) {
    case 401:
    case 407:
      return wrong(
        'credentials',
        `Something before Roomful asks for credentials (${status}${by}${headers['www-authenticate'] ? `, ${headers['www-authenticate']}` : ''}). A page can send no password with a WebSocket, only cookies.`,
        "Leave the path of the WebSocket out of it, and let the server check the token: createServer({ authenticate }).  If it is a cookie that it asks for: --header 'Cookie: NAME=VALUE'",
      )
    case 403:
      return forbiddenWords(answer, target)
    case 400:
      if (!/upgrade|websocket/i.test(body)) break
      return noUpgradeWords(answer)
    case 426:
      return noUpgradeWords(answer)
    case 404:
      return missingWords(answer, url)
    case 429:
      return limit(
        'too_many_requests',
        `Something before Roomful allows no more requests now (429${by}).`,
        retry(headers),
      )
    case 502:
      return wrong(
        'bad_gateway',
        `The proxy${by} gets no valid answer from what is behind it (502).`,
        'Is the server running, on the address and port that proxy_pass names? In a container, 127.0.0.1 is the container itself.',
      )
    case 503:
      return busyWords(answer)
    case 504:
      return wrong(
        'gateway_timeout',
        `The proxy${by} waited in vain for what is behind it (504).`,
        'A server that hangs, or a firewall between the two.',
      )
    default:
      break
  }
  if (status >= 200 && status < 300) {
    const what =
      /html/.test(headers['content-type'] ?? '') || /<!doctype|<html/i.test(body)
        ? 'a page'
        : 'an ordinary answer'
    return wrong(
      'page',
      `At ${url.pathname} there is ${what} (${status}${by}), and no WebSocket: either the path is another one, or the upgrade is not passed on.`,
      PASS_UPGRADES,
    )
  }
  return wrong(
    'status',
    `The request to upgrade was answered with ${status}${by}: ${firstLine(body)}`,
    'Look at the log of the server that answered.',
  )
}

function noUpgradeWords({ status, headers }: Answered): Finding {
  return wrong(
    'no_upgrade',
    `The request to upgrade arrived without its header Upgrade (${status}${headers.server ? `, ${headers.server}` : ''}): something between takes it away.`,
    PASS_UPGRADES,
  )
}

function redirectWords(location: string | undefined, url: URL): Finding {
  const to =
    location !== undefined && URL.canParse(location, asHttp(url)) ? new URL(location, asHttp(url)) : undefined
  const address = to ? `${to.protocol}//${to.host}${to.pathname}` : 'nowhere'
  const mend = to
    ? `Use ${to.protocol === 'https:' ? 'wss' : 'ws'}://${to.host}${to.pathname}`
    : 'Use the address that it leads to.'
  return wrong('redirect', `The server redirects to ${address}, and a WebSocket follows no redirect.`, mend)
}

const asHttp = (url: URL) => url.href.replace(/^ws/, 'http')

function forbiddenWords({ body, headers }: Answered, { url, origin }: Target): Finding {
  const isOurs = /option `?origins`?/.test(body)
  if (!isOurs)
    return wrong(
      'forbidden',
      `The request to upgrade is forbidden (403${headers.server ? `, ${headers.server}` : ''}): ${firstLine(body)}`,
      'A firewall of applications, or a rule of the proxy: leave this path out of it.',
    )
  if (origin === originOf(url))
    return wrong(
      'origin',
      `Pages of ${origin} may not connect (403), though they have the same host as the server: either the proxy does not pass the Host on, or the option origins lists other pages.`,
      `${PASS_HOST}. If your pages have another origin, name it: --origin https://example.com`,
    )
  return wrong(
    'origin',
    `Pages of ${origin} may not connect (403).`,
    `createServer({ origins: ['${origin}'] }), with all others that may.`,
  )
}

function missingWords({ body, headers }: Answered, url: URL): Finding {
  const [, right] = SAYS_WHERE.exec(body) ?? []
  if (right !== undefined)
    return wrong(
      'path',
      `Roomful is here, but not at ${url.pathname} (404): it is at ${right}.`,
      `Use ${url.protocol}//${url.host}${right}`,
    )
  const isNginx = /<center>nginx/.test(body)
  if (isNginx)
    return wrong(
      'path',
      `nginx itself has nothing at ${url.pathname} (404): no location leads this path to the server.`,
      `location ${url.pathname} { proxy_pass http://localhost:3000; }, with ${PASS_UPGRADES.replace(/^.*?nginx: | {2}Apache.*$/g, '')}`,
    )
  return wrong(
    'path',
    `There is nothing at ${url.pathname} (404${headers.server ? `, ${headers.server}` : ''}), and the answer is not Roomful's to an upgrade: either the upgrade is not passed on, or the path is another one (the roomful command has it at /ws).`,
    PASS_UPGRADES,
  )
}

function busyWords({ body, headers }: Answered): Finding {
  const text = firstLine(body)
  if (headers['retry-after'] !== undefined && !/<html/i.test(body))
    return limit(
      'busy',
      `The server takes no further connection now (503): ${text}.`,
      'It starts, drains, or has as many connections as limits.connections or limits.pendingPerAddress allow. Behind a proxy, all clients have one address unless trustedProxies is set.',
    )
  return wrong(
    'unavailable',
    `The proxy has no server to pass the request to (503): ${text}.`,
    'Look at its health checks: /readyz must answer 200.',
  )
}

/** What is wrong with a handshake that succeeded. */
export function upgradeWords(
  { extensions, certificate }: Upgraded,
  { url }: Target,
  now: number,
): readonly Finding[] {
  const found: Finding[] = []
  if (extensions !== '')
    found.push(
      wrong(
        'compression',
        `Compression was negotiated (${extensions}), which Roomful never does: something between ends the WebSocket and opens another.`,
        'Switch compression off there: frames are small, and each connection costs it up to 300 KB of memory.',
      ),
    )
  const days = certificate ? (certificate.to - now) / DAY_MS : Number.POSITIVE_INFINITY
  if (days < SOON_DAYS)
    found.push(
      note(
        'certificate_ends',
        `The certificate of ${url.hostname} ends in ${Math.floor(days)} days.`,
        'Look whether it is renewed by itself.',
      ),
    )
  return found
}

const day = (time: number) => new Date(time).toISOString().slice(0, 10)
const by = (certificate: Certificate | undefined) =>
  certificate?.issuer ? ` (of ${certificate.issuer})` : ''

function retry(headers: Answered['headers']): string {
  return headers['retry-after'] === undefined
    ? 'Wait, and run it again.'
    : `Wait ${headers['retry-after']} s, and run it again.`
}

/** Of a page, its title. */
function firstLine(body: string): string {
  const [, title] = /<title>([^<]*)/i.exec(body) ?? []
  return (title ?? body.trim().split('\n')[0] ?? '').trim().slice(0, 120).replace(/\.$/, '') || 'no text'
}
