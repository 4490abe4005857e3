// Makes a bucket that the driver did not make, looks whether it is still there, and removes it.
import { asAsked, manage, notSo, run } from './hook.js';

await run(async ({ do: what, name }) => {
  const { code } = await manage(what, { name }, what === 'exists' ? [200, 404] : [200]);
  if (what === 'make') {
    console.log(JSON.stringify({ id: name }));
  }
  return code === 200 ? asAsked : notSo;
});
