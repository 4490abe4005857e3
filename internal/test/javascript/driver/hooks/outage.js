// Takes the store away from the driver, and gives it back.
import { asAsked, manage, run } from './hook.js';

await run(async ({ do: what }) => {
  await manage('outage', { begin: what === 'begin' });
  return asAsked;
});
