import { status } from '@grpc/grpc-js';
import { oneOf, parameters, small, text } from './checks.js';
import { Refusal, invalid } from './refusal.js';
import { accountID } from './store.js';

const owner = 'cosi';
const regions = ['north', 'south'];
const authenticationByKey = 1;

// Provisioner has the sidecar's calls, in terms of the store.
export class Provisioner {
  constructor(store, endpoint) {
    this.store = store;
    this.endpoint = endpoint;
  }

  DriverCreateBucket(request) {
    const name = bucketName(request.name);
    const region = regionOf(parameters(request.parameters, { region: 'north' }));
    const bucket = this.store.reach().bucket(name) ?? this.store.makeBucket(name, owner, region);
    if (bucket.owner !== owner) {
      throw new Refusal(status.ALREADY_EXISTS, `bucket ${name} is somebody else's, want another name`);
    }
    if (bucket.region !== region) {
      throw new Refusal(status.ALREADY_EXISTS, `bucket ${name} exists in another region, want region ${bucket.region}`);
    }
    return { bucketId: name, bucketInfo: { s3: { region, signatureVersion: 'S3V4' } } };
  }

  DriverDeleteBucket(request) {
    const id = text('bucket_id', request.bucketId);
    small('delete_context', request.deleteContext);
    if (this.store.reach().bucket(id)?.objects.size > 0) {
      throw new Refusal(status.FAILED_PRECONDITION, `bucket ${id} has objects, want an empty one`);
    }
    this.store.removeBucket(id);
    return {};
  }

  DriverGrantBucketAccess(request) {
    const [id, name] = [text('bucket_id', request.bucketId), text('name', request.name)];
    byKey(request.authenticationType);
    const { mode } = parameters(request.parameters, { mode: 'readwrite' });
    oneOf('mode', mode, ['readonly', 'readwrite']);
    const bucket = this.store.reach().bucket(id);
    if (bucket === undefined) {
      throw new Refusal(status.NOT_FOUND, `there is no bucket ${id}, want one that was created`);
    }
    const account = bucket.accounts.get(accountID(id, name)) ?? this.store.makeAccount(id, name, mode);
    if (account.mode !== mode) {
      throw new Refusal(status.FAILED_PRECONDITION, `access ${name} exists with another mode, want mode ${account.mode}`);
    }
    return { accountId: account.id, credentials: { s3: { secrets: this.#secrets(account, bucket) } } };
  }

  // DriverRevokeBucketAccess does nothing for ids that it does not know: they may be another driver's.
  DriverRevokeBucketAccess(request) {
    const [id, account] = [text('bucket_id', request.bucketId), text('account_id', request.accountId)];
    small('revoke_access_context', request.revokeAccessContext);
    this.store.reach().bucket(id)?.accounts.delete(account);
    return {};
  }

  #secrets(account, bucket) {
    return { accessKeyID: account.key, accessSecretKey: account.secret, endpoint: this.endpoint, region: bucket.region };
  }
}

function bucketName(name) {
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(text('name', name))) {
    throw invalid('name is none that the store takes, want 3 to 63 lower case letters, digits and inner dashes');
  }
  return name;
}

// regionOf tells a region that this store does not have from one that nobody has.
function regionOf({ region }) {
  if (!/^[a-z]+$/.test(region)) {
    throw invalid(`parameter region is malformed, want ${regions.join(' or ')}`);
  }
  if (!regions.includes(region)) {
    throw new Refusal(status.OUT_OF_RANGE, `there is no region ${region}, want ${regions.join(' or ')}`);
  }
  return region;
}

function byKey(type) {
  if (type !== authenticationByKey) {
    throw invalid(`authentication_type ${type} is not supported, want Key (${authenticationByKey})`);
  }
}
