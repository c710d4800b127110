const attempt = async (name, action) => {
  try {
    console.log('ran', name, await action());
  } catch (error) {
    console.log('blocked', name, error.code ?? error.name);
  }
};
// What these reach is still inside; what they must not do is leave a trace on the host or end the agent.
await attempt('child', async () => (await import('node:child_process')).execSync('id').toString().trim());
await attempt('binding', () => typeof process.binding('spawn_sync').spawn);
await attempt('dlopen', () => process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libm.so.6'));
await attempt('inspector', async () => {
  const inspector = await import('node:inspector');
  inspector.open(0);
  return inspector.url();
});
await attempt('report', () => process.report.writeReport('/var/tmp/assay-escaped'));
await attempt('sqlite', async () => {
  const { DatabaseSync } = await import('node:sqlite');
  new DatabaseSync('/var/tmp/assay-escaped').exec('create table a(b)');
  return 'made a database';
});
process.exit(0);
