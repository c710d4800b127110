const bait = JSON.parse(process.argv[2]);
const attempt = async (name, action) => {
  try {
    await Promise.race([action(), new Promise((_, reject) => setTimeout(() => reject(new Error('timeout')), 1500))]);
    console.log('ESCAPED', name);
  } catch (error) {
    console.log('blocked', name, error.code ?? error.cause?.code ?? error.name);
  }
};
const connect = (...address) =>
  new Promise((resolve, reject) => {
    import('node:net').then((net) => net.connect(...address, resolve).on('error', reject), reject);
  });
await attempt('agent on loopback', () => connect(bait.port, '127.0.0.1'));
await attempt('socket file', () => connect(bait.socket));
await attempt('outside', () => connect(443, '203.0.113.80'));
await attempt('fetch', () => fetch(`http://127.0.0.1:${bait.port}/`));
await attempt('name service', async () => (await import('node:dns')).promises.lookup('example.org'));
await attempt('datagram', async () => {
  const socket = (await import('node:dgram')).createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.send('x', 53, '8.8.8.8', (error) => (error ? reject(error) : resolve()));
  });
});
process.exit(0);
