let made = 0;
try {
  const { spawn } = await import('node:child_process');
  for (; made < 500; made += 1) {
    const child = spawn('/bin/sleep', ['20'], { stdio: 'ignore' });
    child.on('error', () => {});
    if (!child.pid) throw new Error('no process');
  }
  console.log('ESCAPED made', made);
} catch (error) {
  console.log('stopped after', made, error.name);
}
process.exit(0);
