/**
 * Takes API keys out of words that a provider wrote and a person will read. Real keys go wherever they stand. A key that is a plain
 * word, as local servers want one, is no secret: taking it out would only take the words apart ("registry.[key].ai").
 */

const MASK = '[key]';
/** A key of this length is a secret, whatever it looks like. Characters. */
const LONG = 16;
/** From this length on, a key of letters and digits is one as well. Characters. */
const MIXED = 8;
/** The shortest head of a token, with its `eyJ`. Characters. */
const HEAD = 11;
/** Keys that people give to servers that need none; they name no one. */
const DUMMIES: ReadonlySet<string> = new Set(
  (
    'none null nil undefined empty dummy test testing demo fake sample placeholder unused any anything local localhost key apikey api-key api_key ' +
    'secret token password changeme no-key nokey no_key not-needed not_needed unneeded ollama openai lmstudio lm-studio lm_studio vllm llama ' +
    'llama.cpp llamacpp localai sglang tgi litellm jan gpt4all koboldcpp custom gemini anthropic openrouter redpill near tinfoil bearer'
  ).split(' '),
);
/** Forms in which keys of known services stand in messages, shortened and starred ones too. */
const KNOWN_FORMS = [/\b(?:sk|pk|rk|gsk|xai|nvapi|hf|r8|ghp|pplx|csk|fw)[-_][\w*-]{4,}/g, /\bAIza[\w*-]{8,}/g] as const;
const BEARER = /\bBearer\s+[\w.~+/*-]{8,}={0,2}/gi;

/**
 * @param secret - the key that was sent; `null` for none.
 * @example maskKeys('Incorrect API key provided: sk-live-4f9a2c', 'sk-live-4f9a2c') // 'Incorrect API key provided: [key]'
 * @example maskKeys('see registry.ollama.ai', 'ollama') // 'see registry.ollama.ai'
 */
export function maskKeys(words: string, secret: string | null): string {
  const masked = withoutSecret(words, secret).replace(BEARER, `Bearer ${MASK}`);
  const known = KNOWN_FORMS.reduce((text, form) => text.replace(form, MASK), masked);
  return known.replace(/[\w.-]{13,}/g, withoutToken);
}

/** A JSON Web Token begins with `eyJ` and has a dot behind its head. */
function withoutToken(run: string): string {
  for (let at = run.indexOf('eyJ'); at >= 0; at = run.indexOf('eyJ', at + 1)) {
    if (at > 0 && /\w/.test(run.charAt(at - 1))) continue;
    const dot = run.indexOf('.', at);
    if (dot < 0 || dot === run.length - 1) return run;
    if (dot - at >= HEAD) return run.slice(0, at) + MASK;
  }
  return run;
}

function withoutSecret(words: string, secret: string | null): string {
  if (secret === null || secret.length < 2 || DUMMIES.has(secret.toLowerCase())) return words;
  const mixed = /[0-9]/.test(secret) && /[a-z]/i.test(secret);
  if (secret.length >= LONG || (secret.length >= MIXED && mixed))
    return words.replaceAll(secret, MASK).replaceAll(encodeURIComponent(secret), MASK);
  return withoutWord(words, secret);
}

/** A short key goes only where it stands alone, as services quote it; within other words it is part of them. */
function withoutWord(words: string, secret: string): string {
  const pieces = words.split(secret);
  let out = pieces[0] ?? '';
  for (const piece of pieces.slice(1)) {
    const alone = !/[\w.-]$/.test(out) && !/^(?:[\w-]|\.\w)/.test(piece);
    out += (alone ? MASK : secret) + piece;
  }
  return out;
}
