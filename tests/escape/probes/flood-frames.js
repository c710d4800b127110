// Empty writes without end: nothing to keep, and nothing that the host must even hear of.
for (;;) process.stdout.write('');
