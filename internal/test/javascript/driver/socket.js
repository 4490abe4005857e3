import { unlinkSync } from 'node:fs';
import { connect } from 'node:net';

// reclaim removes a socket that a driver left when it was killed. One that somebody listens on stays.
export async function reclaim(path) {
  const answer = await new Promise((resolve) => {
    const connection = connect(path, () => resolve('LISTENS')).on('error', (err) => resolve(err.code));
    connection.on('connect', () => connection.destroy());
  });
  if (answer === 'ECONNREFUSED') {
    unlinkSync(path);
  } else if (answer !== 'ENOENT') {
    throw new Error(`${path} cannot be listened on (${answer}), want a socket that nobody uses, or none`);
  }
}
