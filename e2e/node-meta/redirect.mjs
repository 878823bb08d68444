// Connects to the simulator instead of Meta, for clients that have Meta's host names
// built in: node --import ./redirect.mjs. Nothing but the address changes: the
// connection is https, and the simulator's certificate is verified for Meta's name.
import tls from 'node:tls';

const names = ['graph.facebook.com', 'lookaside.fbsbx.com'];
const [host, port] = process.env.META_ADDRESS.split(':');
const connect = tls.connect;

tls.connect = (options, ...rest) => {
  const name = options?.servername || options?.host;
  if (!names.includes(name)) throw new Error(`a connection to ${name}, which is not Meta's`);
  return connect({ ...options, servername: name, host, port: Number(port) }, ...rest);
};
