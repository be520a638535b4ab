import { installed } from './installed.js'
import { ProxyProcess } from './proxy-process.js'

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/** A real nginx, with what a test puts into its `server` block; `http` stands beside that. @throws Error that says what to install */
export function startNginx(server: string, http = ''): Promise<ProxyProcess> {
  const map = "map $http_upgrade $connection_upgrade { default upgrade; '' close; }"
  return startNginxWith((port) => `${map} ${http} server { listen 127.0.0.1:${port}; ${server} }`)
}

/** With all that stands in its `http` block. */
export function startNginxWith(http: (port: number, folder: string) => string): Promise<ProxyProcess> {
  return ProxyProcess.start({
    program: installed('nginx', 'nginx-light'),
    config: (port, folder) =>
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
       events { worker_connections 256; }
       http {
         access_log off;
         ${TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
         ${http(port, folder)}
       }`,
    args: (file, folder) => ['-e', `${folder}/error.log`, '-p', folder, '-c', file],
  })
}

/** The lines of docs/deploy.md, for a server on this machine. */
export function passTo(port: number, more = ''): string {
  return `location / {
    proxy_pass http://127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Host $http_host;
    ${more}
  }`
}
