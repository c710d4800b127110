/** The application file of dstack around a docker compose file, with the image named by digest. Its bytes are what a guest measures. */

const NAMED = '${ASSAY_IMAGE}';

/**
 * @param compose the compose file, in which `${ASSAY_IMAGE}` stands for the image.
 * @param image name and digest: `registry.example/assay@sha256:…`.
 * @throws Error for an image without a digest.
 */
export function appCompose(compose: string, image: string): Uint8Array {
  if (!/^[^@\s]+@sha256:[0-9a-f]{64}$/.test(image))
    throw new Error(`expected an image by digest, got ${image}; write NAME@sha256:…`);
  if (!compose.includes(NAMED)) throw new Error(`expected ${NAMED} in the compose file, got none`);
  return new TextEncoder().encode(
    JSON.stringify(
      {
        manifest_version: 2,
        name: 'assay',
        runner: 'docker-compose',
        docker_compose_file: compose.replaceAll(NAMED, image),
        kms_enabled: true,
        gateway_enabled: true,
        public_logs: false,
        public_sysinfo: true,
        no_instance_id: false,
        allowed_envs: ['ASSAY_API_KEY', 'AI_API_KEY'],
      },
      null,
      2,
    ),
  );
}
