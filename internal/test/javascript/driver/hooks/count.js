// Counts the accounts of the store.
import { asAsked, manage, run } from './hook.js';

await run(async () => {
  const { text } = await manage('count', {});
  console.log(text);
  return asAsked;
});
