let made = 0;
const stop = (error) => {
  console.log('stopped after', made, error?.code ?? error?.name);
  process.kill(process.pid, 'SIGKILL');
};
try {
  process.on('uncaughtException', stop);
  const { Worker } = await import('node:worker_threads');
  for (; made < 300; made += 1) new Worker('setInterval(() => {}, 1000)', { eval: true }).on('error', stop);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  console.log('ESCAPED made', made);
} catch (error) {
  stop(error);
}
process.exit(0);
