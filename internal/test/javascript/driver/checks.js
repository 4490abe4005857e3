import { invalid } from './refusal.js';

// The specification's limits, in bytes.
const longestText = 128;
const largestMap = 4096;

// text returns a field that must be there.
export function text(field, value) {
  if (value === '') {
    throw invalid(`${field} is missing, want a text`);
  }
  return short(field, value);
}

function short(field, value) {
  if (Buffer.byteLength(value) > longestText) {
    throw invalid(`${field} has ${Buffer.byteLength(value)} bytes, want ${longestText} at most`);
  }
  return value;
}

// small refuses a map that is too large. Its keys may be unknown: later sidecars may send more of them.
export function small(field, map) {
  let bytes = 0;
  for (const [key, value] of Object.entries(map)) {
    bytes += Buffer.byteLength(short(`a key of ${field}`, key)) + Buffer.byteLength(short(`a value of ${field}`, value));
  }
  if (bytes > largestMap) {
    throw invalid(`${field} has ${bytes} bytes, want ${largestMap} at most`);
  }
}

// parameters returns what is given, and the defaults of what is not. A slip in a key is refused: nobody would notice it.
export function parameters(given, defaults) {
  small('parameters', given);
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(defaults, key)) {
      throw invalid(`parameter ${JSON.stringify(key)} is unknown, want ${Object.keys(defaults).join(' or ')}`);
    }
  }
  return { ...defaults, ...given };
}

// oneOf refuses a value that is none of the choices. It does not repeat the value, which may be a secret in the wrong place.
export function oneOf(parameter, value, choices) {
  if (!choices.includes(value)) {
    throw invalid(`parameter ${parameter} has an unknown value, want ${choices.join(' or ')}`);
  }
  return value;
}
