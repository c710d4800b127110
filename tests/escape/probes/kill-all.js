for (const pid of [process.ppid, 1, -1]) {
  try {
    process.kill(pid, 'SIGKILL');
    console.log('sent', pid);
  } catch (error) {
    console.log('blocked', pid, error.code ?? error.name);
  }
}
