/** Seed 003's thresholds and configuration: its table, its JSON, levels as an order, and every misspelling refused. */

import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal } from '@assay/testing';
import { expect, it } from 'vitest';
import { createTestConfig, parseSecurityConfig, providersInOrder, strictestOf } from './config.ts';
import { AttestationPolicy, BindingPolicy, isAtLeast, SecurityThresholds } from './levels.ts';

it('levels are an order: strings would put high below low', () => {
  const table = (['low', 'medium', 'high'] as const).map((level) =>
    (['low', 'medium', 'high'] as const).map((wanted) => isAtLeast(level, wanted)),
  );
  expect(table).toEqual([
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});

it('the thresholds are those of the table', () => {
  expect(SecurityThresholds.strict()).toEqual({
    minSecurityLevel: 'high',
    maxAttestationAgeSeconds: 3600,
    maxVerificationRetries: 3,
    requireCertificateChain: true,
    requireTcbUpToDate: true,
    allowTestMode: false,
    confidence: 0.99,
  });
  expect(SecurityThresholds.moderate()).toMatchObject({
    minSecurityLevel: 'medium',
    maxAttestationAgeSeconds: 7200,
    maxVerificationRetries: 5,
    requireTcbUpToDate: false,
    confidence: 0.95,
  });
  expect(SecurityThresholds.relaxed()).toMatchObject({
    minSecurityLevel: 'low',
    maxAttestationAgeSeconds: 86_400,
    requireCertificateChain: false,
    allowTestMode: true,
    confidence: 0.9,
  });
  expect(AttestationPolicy.defaultPolicy().providers).toEqual(['sgx', 'sev', 'nitro']);
  expect([BindingPolicy.strictPolicy().mode, BindingPolicy.relaxedPolicy().mode]).toEqual([
    'tee_attestation',
    'vendor_commitment',
  ]);
});

it("reads the guide's own configuration", () => {
  const config = parseSecurityConfig(
    utf8(`{"tee_providers":{"sgx":{"enabled":true,"priority":10,"config":{"enclave_id":"production_enclave"}}},
      "security_thresholds":{"min_security_level":"high","max_attestation_age_seconds":3600}}`),
  );
  expect(config).toMatchObject({
    providers: [{ type: 'sgx', enabled: true, priority: 10, config: { enclave_id: 'production_enclave' } }],
    thresholds: SecurityThresholds.strict(),
    attestationPolicy: AttestationPolicy.defaultPolicy(),
  });
});

it('orders providers: the default one, then by priority; disabled ones never', () => {
  const config = parseSecurityConfig(
    '{"default_provider":"vendor","tee_providers":{"sev":{"priority":5},"sgx":{"priority":9},"nitro":{"priority":5},"vendor":{},"mock":{"enabled":false,"priority":99}}}',
  );
  expect(providersInOrder(config).map(({ type }) => type)).toEqual(['vendor', 'sgx', 'nitro', 'sev']);
  expect(providersInOrder(createTestConfig())[0]?.type).toBe('mock');
});

it('takes the stricter of thresholds and policy', () => {
  const config = parseSecurityConfig(
    '{"security_thresholds":{"min_security_level":"low"},"attestation_policy":{"min_security_level":"medium","max_age_seconds":60}}',
  );
  expect(strictestOf(config)).toEqual({ minSecurityLevel: 'medium', maxAgeSeconds: 60 });
});

it.each([
  ['{', 'JSON'],
  ['[]', 'object'],
  ['{"tee_provider":{}}', '"tee_provider"'],
  ['{"tee_providers":{"tpm":{}}}', '"tpm"'],
  ['{"tee_providers":{"sgx":{"enable":true}}}', '"enable"'],
  ['{"tee_providers":{"sgx":{"enabled":"yes"}}}', 'true or false'],
  ['{"tee_providers":{"sgx":{"priority":-1}}}', '0 to 1000'],
  ['{"security_thresholds":{"min_security_level":"HIGH"}}', 'low, medium, high'],
  ['{"security_thresholds":{"max_attestation_age":1}}', '"max_attestation_age"'],
  ['{"security_thresholds":{"confidence":1}}', '0.5 to'],
  ['{"security_policy":"lenient"}', 'strict, moderate, relaxed'],
  ['{"attestation_policy":{"providers":["sgx","x"]}}', '"x"'],
  ['{"binding_policy":{"mode":"none"}}', 'tee_attestation'],
])('%s is refused', async (file, words) => {
  await expectRefusal(() => parseSecurityConfig(file), 'security/bad-config', [words]);
});
