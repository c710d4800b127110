/** Which addresses code in a sandbox may be sent to; the registry is `@assay/encoding`'s. */

export { type AddressKind, addressKind } from '@assay/encoding/ip-address';
