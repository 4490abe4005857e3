import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { log } from './log.js';
import { Refusal } from './refusal.js';
import { Away, accountID } from './store.js';

// faults break one thing each in a provisioner. They are there to see that the kit names them.
export const faults = {
  'revoke does nothing': (p) => before(p, 'DriverRevokeBucketAccess', (request) => {
    request.accountId &&= 'nobody';
  }),
  'each grant makes another secret': (p) => before(p, 'DriverGrantBucketAccess', ({ bucketId, name }) => {
    const account = p.store.bucket(bucketId)?.accounts.get(accountID(bucketId, name));
    if (account) {
      account.secret = randomUUID();
    }
  }),
  'unknown parameters are ignored': (p) => before(p, 'DriverCreateBucket', (request) => {
    request.parameters = request.parameters.region ? { region: request.parameters.region } : {};
  }),
  'foreign buckets are adopted': (p) => before(p, 'DriverCreateBucket', ({ name }) => {
    const bucket = p.store.bucket(name);
    if (bucket) {
      bucket.owner = 'cosi';
    }
  }),
  'secrets are logged': (p) => after(p, 'DriverGrantBucketAccess', (answer) => log('granted', answer)),
  'an outage looks like a bucket that is not there': (p) => before(p, 'DriverGrantBucketAccess', () => {
    try {
      p.store.reach();
    } catch (err) {
      throw err instanceof Away ? new Refusal(status.NOT_FOUND, 'there is no such bucket') : err;
    }
  }),
};

function before(p, method, first) {
  const call = p[method].bind(p);
  p[method] = (request) => {
    first(request);
    return call(request);
  };
}

function after(p, method, then) {
  const call = p[method].bind(p);
  p[method] = (request) => {
    const answer = call(request);
    then(answer);
    return answer;
  };
}
