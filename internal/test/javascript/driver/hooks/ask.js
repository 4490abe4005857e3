import { request } from 'node:http';

// ask makes a request to the store. The kit starts a hook a hundred times, and this starts sooner than fetch.
export function ask(url, { method, headers, body }) {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: false }, async (response) => {
      const parts = await response.toArray();
      resolve({ code: response.statusCode, text: Buffer.concat(parts).toString() });
    });
    asking.on('error', reject).end(body);
  });
}
