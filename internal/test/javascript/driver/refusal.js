import { status } from '@grpc/grpc-js';

// Refusal is an answer that the caller may read. Any other error is a defect, and its text stays in the log.
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export const invalid = (message) => new Refusal(status.INVALID_ARGUMENT, message);
