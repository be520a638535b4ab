/** Lines for the proxies that people have most. Caddy passes upgrades and the host on by itself. */
export const PASS_UPGRADES =
  'Have the proxy pass the upgrade on. nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; ' +
  'proxy_set_header Connection "upgrade";  Apache: ProxyPass "/ws" "http://localhost:3000/ws" upgrade=websocket  ' +
  'Caddy: reverse_proxy localhost:3000'

export const PASS_HOST =
  'nginx: proxy_set_header Host $http_host;  Apache: ProxyPreserveHost On  (Caddy does it by itself)'

export const WAIT_LONGER =
  'nginx: proxy_read_timeout 75s;  HAProxy: timeout tunnel 75s  Apache: Timeout 75  ' +
  'AWS ALB: idle timeout 60 s or more  Or have the server ping more often: limits.heartbeatMs'

export const SEND_AT_ONCE =
  'Look for what reads the traffic on its way (a scanner, a content filter, a buffering proxy), and have it leave this path ' +
  'alone. nginx: proxy_buffering off;  Apache: flushpackets=on'
