const held = [];
for (;;) held.push(new Array(1e6).fill(Math.random()));
