import { Server, ServerCredentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { log } from './log.js';
import { Refusal } from './refusal.js';
import { Away } from './store.js';

const name = 'javascript.example.com';

// newServer serves both services. The loader names fields in camel case: bucket_id is bucketId.
export function newServer(proto, calls) {
  const { Identity, Provisioner } = loadPackageDefinition(loadSync(proto, { defaults: true })).cosi.v1alpha1;
  const server = new Server();
  server.addService(Identity.service, { DriverGetInfo: unary('DriverGetInfo', () => ({ name })) });
  server.addService(Provisioner.service, Object.fromEntries(
    Object.keys(Provisioner.service).map((method) => [method, unary(method, (request) => calls[method](request))]),
  ));
  return server;
}

// unary answers with what a call returns or throws.
function unary(method, handle) {
  return ({ request }, answer) => {
    try {
      answer(null, handle(request));
      log('answered', { method });
    } catch (err) {
      const refusal = explain(err);
      answer({ code: refusal.code, details: refusal.message });
      log('refused', { method, code: status[refusal.code], defect: refusal === err ? undefined : err.stack });
    }
  };
}

function explain(err) {
  if (err instanceof Refusal) {
    return err;
  }
  if (err instanceof Away) {
    return new Refusal(status.UNAVAILABLE, 'the store cannot be reached, want it back; try again later');
  }
  return new Refusal(status.INTERNAL, 'the call failed, want a look at the log of the driver');
}

export function bind(server, address) {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (err, port) => (err ? reject(err) : resolve(port)));
  });
}
