import { createHash, randomBytes } from 'node:crypto';

// Away is thrown while the store cannot be reached.
export class Away extends Error {}

// Store keeps buckets, accounts and objects in memory. All that it does is done before anybody else's turn comes.
export class Store {
  #buckets = new Map();
  #away = false;

  outage(begin) {
    this.#away = begin;
  }

  // reach is what every request of a client, driver or application, goes through.
  reach() {
    if (this.#away) {
      throw new Away('the store is away');
    }
    return this;
  }

  bucket(name) {
    return this.#buckets.get(name);
  }

  makeBucket(name, owner, region) {
    const bucket = { owner, region, accounts: new Map(), objects: new Map() };
    this.#buckets.set(name, bucket);
    return bucket;
  }

  // removeBucket takes the bucket's accounts with it.
  removeBucket(name) {
    return this.#buckets.delete(name);
  }

  // makeAccount gives an account a key of its own. The id is short whatever the names are.
  makeAccount(bucketName, name, mode) {
    const id = accountID(bucketName, name);
    const account = { id, mode, key: randomBytes(10).toString('hex'), secret: randomBytes(24).toString('hex') };
    this.bucket(bucketName).accounts.set(id, account);
    return account;
  }

  // account finds the account that a key and its secret belong to.
  account(bucketName, key, secret) {
    const accounts = this.bucket(bucketName)?.accounts.values() ?? [];
    return [...accounts].find((account) => account.key === key && account.secret === secret);
  }

  countAccounts() {
    return [...this.#buckets.values()].reduce((sum, bucket) => sum + bucket.accounts.size, 0);
  }
}

export function accountID(bucketName, name) {
  return createHash('sha256').update(`${bucketName}/${name}`).digest('hex').slice(0, 32);
}
