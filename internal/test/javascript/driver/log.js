// log writes a line. Requests and answers never go into it: they hold secrets.
export function log(message, fields) {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), message, ...fields })}\n`);
}
