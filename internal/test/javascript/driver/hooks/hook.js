import { ask } from './ask.js';

// What all hooks do alike. A hook reads one JSON object, and ends with one of these codes.
export const asAsked = 0;
export const notSo = 1;
const cannotTell = 2;

// run ends the process with the code that a hook returns. One that fails could not tell.
export async function run(hook) {
  try {
    process.exitCode = await hook(await asked());
  } catch (err) {
    console.error(`cannot tell: ${err.message}`);
    process.exitCode = cannotTell;
  }
}

async function asked() {
  let text = '';
  for await (const part of process.stdin) {
    text += part;
  }
  return JSON.parse(text || '{}');
}

// manage asks the store's administrator, and expects one of the answers.
export async function manage(what, about, answers = [200]) {
  const { STORE_URL: url, STORE_TOKEN: token } = process.env;
  const headers = { authorization: `Bearer ${token}` };
  const answer = await ask(`${url}/-/${what}`, { method: 'POST', headers, body: JSON.stringify(about) });
  if (!answers.includes(answer.code)) {
    throw new Error(`the store answers ${answer.code} to ${what}, want ${answers.join(' or ')}`);
  }
  return answer;
}
