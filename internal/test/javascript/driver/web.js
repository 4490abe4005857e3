import { createServer } from 'node:http';
import { Away } from './store.js';

// newWeb serves a store over HTTP: /BUCKET/OBJECT to applications, and paths that begin with /- to whoever has the token.
export function newWeb(store, token) {
  return createServer(async (request, response) => {
    const body = await bodyOf(request);
    const [code, text] = answer(store, token, request, body);
    response.writeHead(code).end(text);
  });
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) {
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function answer(store, token, { method, url, headers }, body) {
  const [, first, second] = url.split('/').map(decodeURIComponent);
  if (first === '-') {
    return headers.authorization === `Bearer ${token}` ? manage(store, `${method} ${second}`, JSON.parse(body)) : [401];
  }
  try {
    return useObject(store.reach(), method, first, second, headers, body);
  } catch (err) {
    if (err instanceof Away) {
      return [503];
    }
    throw err;
  }
}

function useObject(store, method, bucketName, object, headers, body) {
  const account = store.account(bucketName, headers['x-access-key'], headers['x-secret-key']);
  if (!account || (method !== 'GET' && account.mode === 'readonly')) {
    return [403];
  }
  const { objects } = store.bucket(bucketName);
  switch (method) {
    case 'PUT':
      objects.set(object, body);
      return [200];
    case 'GET':
      return objects.has(object) ? [200, objects.get(object)] : [404];
    case 'DELETE':
      objects.delete(object);
      return [200];
    default:
      return [405];
  }
}

// manage is for the store's own administrator, whom an outage does not keep out.
function manage(store, what, { name, begin }) {
  switch (what) {
    case 'POST make':
      store.makeBucket(name, 'somebody else', 'north');
      return [200];
    case 'POST exists':
      return [store.bucket(name) ? 200 : 404];
    case 'POST remove':
      store.removeBucket(name);
      return [200];
    case 'POST count':
      return [200, JSON.stringify({ accounts: store.countAccounts() })];
    case 'POST outage':
      store.outage(begin);
      return [200];
    default:
      return [404];
  }
}

// listen returns the URL at which a store is served. Port 0 is any free one.
export function listen(web, port) {
  return new Promise((resolve, reject) => {
    web.on('error', reject).listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${web.address().port}`));
  });
}
