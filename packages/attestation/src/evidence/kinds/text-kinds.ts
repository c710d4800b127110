/** Text files that come up beside evidence, by what stands in them. */

import { looksLikeTextFormat } from '../carriers/text-format.ts';
import { beginsWith, type KindRule, WITH_COLLATERAL } from './kind.ts';

function text(what: string, advice: string, pattern: RegExp): KindRule {
  return { what, advice, is: (file) => file.text !== null && pattern.test(file.text) };
}

const BINARY_FORM = 'give the binary file itself';
const REFERENCE_VALUES = 'give an attestation document as the subject; pin these values in a policy (assay policy init)';

export const TEXT_KINDS: readonly KindRule[] = [
  text('a private key', 'keep it secret; evidence needs none', /-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----/),
  text(
    'a request for a certificate',
    'give the certificate that was issued for it',
    /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----/,
  ),
  text(
    'a public key',
    'give it with --root if you know whose it is, beside the evidence that it signed',
    /-----BEGIN [A-Z ]{0,10}PUBLIC KEY-----/,
  ),
  text('a certificate revocation list', WITH_COLLATERAL, /-----BEGIN X509 CRL-----/),
  text('certificates without evidence in them', WITH_COLLATERAL, /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/),
  text('a PEM block that is broken', 'give the whole file, with its BEGIN and END lines', /-----BEGIN [A-Z0-9 ]{1,40}-----/),
  text('an SSH key', 'check the path', /^(?:ssh|ecdsa)-[a-z0-9-]{2,30} [A-Za-z0-9+/]/),
  text(
    'an HTML page, as servers send instead of an answer',
    'check the address and fetch the file again',
    /^\s*<(?:!doctype html|html)/i,
  ),
  text('a reference manifest (RIM) that is broken', 'fetch it again and give it unchanged', /<(?:\w{1,12}:)?SoftwareIdentity/),
  text('an XML document', 'give the evidence that it belongs to', /^\s*<\?xml|^\s*<[a-z]/i),
  text(
    'a printed TPM structure',
    BINARY_FORM,
    /^[ \t]{0,40}(?:magic|generated|signed|signature_data|sigAlg|qualifiedSigner)[ \t]{0,40}:/m,
  ),
  text(
    'the PCR values of a TPM',
    'give the message of a quote as the subject, its signature and this file with --collateral',
    /^[ \t]{0,40}sha(?:1|256|384|512)[ \t]{0,40}:[ \t]{0,40}\r?$/m,
  ),
  text('an SNP report printed for people', BINARY_FORM, /^[ \t]{0,40}(?:Attestation Report|Guest SVN|Guest Policy \(0x)/m),
  text(
    'a TDX or SGX quote printed for people',
    BINARY_FORM,
    /^[ \t]{0,40}(?:TD Attributes|MR_?TD|MRENCLAVE|mr_enclave)[ \t]{0,40}:[ \t]{0,40}[0-9a-f]/im,
  ),
  text(
    'a Kubernetes secret or config map',
    'give the decoded value of the member that holds the evidence',
    /(?:^|[{,])[ \t]{0,8}"?kind"?[ \t]{0,8}:[ \t]{0,8}"?(?:Secret|ConfigMap)\b/m,
  ),
  text('measurements of an enclave image', REFERENCE_VALUES, /"PCR0"\s*:/),
  text(
    'a description of running enclaves (nitro-cli)',
    'ask the enclave for an attestation document',
    /"Enclave(?:ID|CID|Name)"\s*:/,
  ),
  text('Intel collateral', WITH_COLLATERAL, /"(?:tcb_?info|enclaveIdentity|qe_identity|tcbEvaluationDataNumber)"\s*:/i),
  text("AMD's certificates as Azure hands them out", WITH_COLLATERAL, /"vcekCert"\s*:/),
  text(
    'a key set (JWKS)',
    'give the token as the subject and this file with --collateral',
    /"keys"\s*:\s*\[\s*\{[^[\]]{0,4000}"kty"/,
  ),
  text('one key (JWK)', 'give the token as the subject and this file with --collateral', /^\s*\{[^[\]]{0,4000}"kty"\s*:/),
  text('an event log of dstack', 'give the quote as the subject and this file with --collateral', /"imr"\s*:\s*\d/),
  text(
    'an app-compose file of dstack',
    'give the quote as the subject and this file with --collateral',
    /"docker_compose_file"\s*:/,
  ),
  text(
    'an answer that says an error',
    'make the request again and save its success',
    /^\s*\{\s*"(?:error|errors|message|detail|code|statusCode)"\s*:/,
  ),
  text(
    'an encrypted token (JWE)',
    'have it decrypted; only its receiver can',
    /^\s*[\w-]{10,}\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+\s*$/,
  ),
  text(
    'a policy of Assay',
    'give the evidence as the subject and this file with --policy',
    /^\s*\{[\s\S]{0,4000}"(?:types|measurements|tcb)"\s*:\s*[[{]/,
  ),
  {
    what: 'a hex dump that leaves rows out or has another layout',
    advice: 'write it with xxd or hexdump -v -C, or give the binary file',
    is: ({ text: content }) => content !== null && /^[ \t]{0,4}0{6,16}[: ]/m.test(content.slice(0, 2000)),
  },
  {
    what: 'a Protocol Buffers message as text, of a kind that is not known here',
    advice: 'give the raw quote or report',
    is: ({ text: content }) => content !== null && looksLikeTextFormat(content) && /[{"]/.test(content.slice(0, 400)),
  },
  {
    what: 'UTF-16 text',
    advice: 'save it as UTF-8',
    is: ({ bytes }) => beginsWith(bytes, [0xff, 0xfe]) || beginsWith(bytes, [0xfe, 0xff]),
  },
];
