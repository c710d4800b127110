const block = 'x'.repeat(65536);
for (let count = 0; count < 16384; count += 1) console.log(block);
console.log('ESCAPED wrote 1 GiB');
