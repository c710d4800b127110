/** The hostile program of the self-test: what a lane claims to contain, it has to contain on this machine, at every start. */

import type { SelfTestProbe } from '../port.ts';

/** Things of this machine that the program tries to reach. */
export interface Bait {
  /** A file that only the agent may read. */
  readonly canary: string;
  /** A port on 127.0.0.1 that listens. */
  readonly port: number;
  /** A name in the agent's environment. */
  readonly variable: string;
  readonly processes: number;
}

/**
 * Python. Prints one JSON object of probe name → `[contained, detail]`. `pidNamespace` tells whether other processes may be
 * visible at all.
 */
export function pythonSelfTest(bait: Bait): string {
  return `
import json, os, socket, ctypes, errno
bait = json.loads(${JSON.stringify(JSON.stringify(bait))})
libc = ctypes.CDLL(None, use_errno=True)
found = {}
def probe(name, attempt):
    try:
        leak = attempt()
        found[name] = [leak is None, '' if leak is None else str(leak)[:120]]
    except (OSError, MemoryError, RuntimeError, LookupError) as error:
        found[name] = [True, type(error).__name__ + ' ' + errno.errorcode.get(getattr(error, 'errno', 0) or 0, '')]
def read(path):
    def attempt():
        with open(path, 'rb') as file:
            return 'read %d bytes of %s' % (len(file.read(64)), path)
    return attempt
def write(path):
    def attempt():
        file = os.open(path, os.O_WRONLY)
        os.close(file)
        return 'opened %s for writing' % path
    return attempt
def create(directory):
    def attempt():
        path = directory + '/assay-self-test'
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        os.unlink(path)
        return 'made a file in ' + directory
    return attempt
def connect(family, address):
    def attempt():
        with socket.socket(family) as link:
            link.settimeout(0.3)
            link.connect(address)
        return 'connected'
    return attempt
def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.sendto(b'x', ('203.0.113.80', 53))
    return 'sent'
def family(number, kind):
    def attempt():
        socket.socket(number, kind, 0).close()
        return 'made a socket of family %d' % number
    return attempt
def call(number, *arguments):
    def attempt():
        ctypes.set_errno(0)
        result = libc.syscall(number, *arguments)
        code = ctypes.get_errno()
        return None if result == -1 and code in (errno.EPERM, errno.ENOSYS) else 'call %d gave %d, errno %d' % (number, result, code)
    return attempt
def environment():
    for path in ['/proc/%s/environ' % name for name in os.listdir('/proc') if name.isdigit()]:
        try:
            with open(path, 'rb') as file:
                if bait['variable'].encode() in file.read(): return 'seen in ' + path
        except OSError:
            pass
    return 'seen in os.environ' if bait['variable'] in os.environ else None
def forks():
    children = []
    try:
        for _ in range(3 * bait['processes']):
            child = os.fork()
            if child == 0:
                os.close(door)
                os.read(gate, 1)
                os._exit(0)
            children.append(child)
        return 'made %d processes' % len(children)
    finally:
        os.close(door)
        for child in children: os.waitpid(child, 0)
def signal_others():
    if os.getpid() == 1: return 'is process 1'
    os.kill(os.getppid(), 0) if os.getppid() > 1 else os.kill(1, 0)
    return None
def set_user():
    os.setuid(0)
    return 'became root' if os.getuid() == 0 and os.path.exists(bait['canary']) else None
gate, door = os.pipe()
os.set_inheritable(gate, True)
probe('canary', read(bait['canary']))
probe('shadow', read('/etc/shadow'))
probe('agent-memory', read('/proc/%d/mem' % os.getppid()) if os.getppid() else lambda: None)
probe('core-pattern', write('/proc/sys/kernel/core_pattern'))
probe('sysrq', write('/proc/sysrq-trigger'))
probe('write-system', create('/usr/lib'))
probe('write-root', create('/'))
probe('write-dev', create('/dev'))
def devices():
    for device in ('kvm', 'mem', 'nsm', 'tdx_guest', 'sev-guest', 'sgx_enclave', 'vda'):
        try:
            os.close(os.open('/dev/' + device, os.O_RDONLY))
            return 'opened ' + device
        except OSError:
            pass
def attestation_files():
    return 'listed %d' % len(os.listdir('/sys/kernel/config/tsm'))
probe('devices', devices)
probe('attestation-files', attestation_files)
probe('connect-agent', connect(socket.AF_INET, ('127.0.0.1', bait['port'])))
probe('datagram', datagram)
probe('netlink', family(16, socket.SOCK_RAW))
probe('packet', family(17, socket.SOCK_RAW))
probe('vsock', family(40, socket.SOCK_STREAM))
probe('environment', environment)
probe('become-root', set_user)
X = os.uname().machine == 'x86_64'
probe('ptrace', call(101 if X else 117, 16, os.getppid(), 0, 0))
probe('mount', call(165 if X else 40, b'tmpfs', b'/tmp', b'tmpfs', 0, 0))
probe('unshare', call(272 if X else 97, 0x10000000))
probe('clone-user', lambda: call(56 if X else 220, 0x10000000 | 17, 0, 0, 0, 0)())
probe('io-uring', call(425, 8, 0))
probe('bpf', call(321 if X else 280, 0, 0, 0))
probe('keyring', call(250 if X else 219, 0, -3, 0))
probe('forks', forks)
print(json.dumps(found))
`;
}

/** Python that takes memory until something stops it. */
export const MEMORY_BOMB = `
taken = []
while True:
    taken.append(bytearray(b'x') * (8 << 20))
`;

/** Node: the same questions, as far as JavaScript can ask them; used where there is no Python. */
export function nodeSelfTest(bait: Bait): string {
  return `
const fs = require('fs'), net = require('net'), childProcess = require('child_process');
const bait = ${JSON.stringify(bait)};
const found = {};
const probe = (name, attempt) => { try { const leak = attempt(); found[name] = [leak === null, leak ?? '']; } catch (error) { found[name] = [true, String(error.code ?? error.name)]; } };
const read = (path) => () => 'read ' + fs.readFileSync(path).length + ' bytes of ' + path;
const write = (path) => () => { fs.closeSync(fs.openSync(path, 'r+')); return 'opened ' + path + ' for writing'; };
const create = (directory) => () => { fs.writeFileSync(directory + '/assay-self-test', ''); fs.unlinkSync(directory + '/assay-self-test'); return 'made a file in ' + directory; };
probe('canary', read(bait.canary));
probe('shadow', read('/etc/shadow'));
probe('core-pattern', write('/proc/sys/kernel/core_pattern'));
probe('sysrq', write('/proc/sysrq-trigger'));
probe('write-system', create('/usr/lib'));
probe('write-root', create('/'));
probe('write-dev', create('/dev'));
probe('devices', () => ['/dev/kvm', '/dev/mem', '/dev/nsm', '/dev/tdx_guest', '/dev/sev-guest', '/dev/vda'].find((d) => { try { fs.closeSync(fs.openSync(d)); return true; } catch { return false; } }) ?? null);
probe('environment', () => { for (const name of fs.readdirSync('/proc')) { if (!/^[0-9]+$/.test(name)) continue; try { if (fs.readFileSync('/proc/' + name + '/environ', 'latin1').includes(bait.variable)) return 'seen in process ' + name; } catch {} } return bait.variable in process.env ? 'seen in process.env' : null; });
probe('forks', () => { const made = []; for (let n = 0; n < 3 * bait.processes; n += 1) { const child = childProcess.spawn('/bin/sh', ['-c', 'read x'], { stdio: ['pipe', 'ignore', 'ignore'] }); child.on('error', () => {}); if (!child.pid) { for (const one of made) one.kill('SIGKILL'); return null; } made.push(child); } for (const one of made) one.kill('SIGKILL'); return 'made ' + made.length + ' processes'; });
await new Promise((resolve) => { const link = net.connect(bait.port, '127.0.0.1', () => { found['connect-agent'] = [false, 'connected']; link.destroy(); resolve(); }); link.on('error', (error) => { found['connect-agent'] = [true, error.code]; resolve(); }); setTimeout(resolve, 500).unref(); });
console.log(JSON.stringify(found));
process.exit(0);
`;
}

/** Reads what the program printed. A program that printed nothing usable contained nothing. */
export function readProbes(stdout: string, detail: string): readonly SelfTestProbe[] {
  try {
    const found = JSON.parse(stdout) as Record<string, [boolean, string]>;
    return Object.entries(found).map(([name, [contained, text]]) => ({
      name,
      contained: contained === true,
      detail: String(text).trim(),
    }));
  } catch {
    return [{ name: 'self-test', contained: false, detail: `the probes did not finish: ${detail.slice(0, 200)}` }];
  }
}
