// Uses credentials on a bucket, as an application does: puts an object, and gets it back.
import { ask } from './ask.js';
import { asAsked, notSo, run } from './hook.js';

await run(async ({ bucketName, credentials, expect, keep }) => {
  const { endpoint, accessKeyID, accessSecretKey } = credentials.s3;
  const headers = { 'x-access-key': accessKeyID, 'x-secret-key': accessSecretKey };
  const use = (method, body) => allowed(`${endpoint}/${bucketName}/cositest`, { method, headers, body });
  const content = `${process.pid} ${Date.now()}`;
  const granted = await use('PUT', content) && (await use('GET')).text === content;
  if (granted && !keep) {
    await use('DELETE');
  }
  return granted === (expect === 'granted') ? asAsked : notSo;
});

// allowed returns what the store answers; false when it refuses that.
async function allowed(url, request) {
  const answer = await ask(url, request);
  if (answer.code !== 200 && answer.code !== 403) {
    throw new Error(`the store answers ${answer.code} to ${request.method}, want 200 or 403`);
  }
  return answer.code === 200 && answer;
}
