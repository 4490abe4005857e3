// A COSI v1alpha1 driver in JavaScript, with a store in memory:
//
//   COSI_ENDPOINT=unix:///path/cosi.sock STORE_TOKEN=... node main.js --proto cosi.proto [--fault NAME]
//
// STORE_PORT is the store's port; without it, the store takes any that is free. When both listen, the driver writes a line of
// JSON: where it is, and where the store is.

import { parseArgs } from 'node:util';
import { faults } from './faults.js';
import { Provisioner } from './provisioner.js';
import { bind, newServer } from './server.js';
import { reclaim } from './socket.js';
import { Store } from './store.js';
import { listen, newWeb } from './web.js';

const { values } = parseArgs({ options: { proto: { type: 'string' }, fault: { type: 'string' } } });
const { COSI_ENDPOINT: driver, STORE_TOKEN: token, STORE_PORT: port = '0' } = process.env;
if (!values.proto || !driver?.startsWith('unix:///') || !token || (values.fault && !faults[values.fault])) {
  throw new Error('cannot start, want --proto FILE, COSI_ENDPOINT=unix:///PATH, STORE_TOKEN, and no --fault or a known one');
}

const store = new Store();
const web = newWeb(store, token);
const endpoint = await listen(web, Number(port));
const provisioner = new Provisioner(store, endpoint);
faults[values.fault]?.(provisioner);
const server = newServer(values.proto, provisioner);
await reclaim(driver.slice('unix://'.length));
await bind(server, driver);

// stop lets calls finish. The socket goes with its server.
function stop() {
  server.tryShutdown(() => web.close());
  web.closeIdleConnections();
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
console.log(JSON.stringify({ driver, store: endpoint }));
