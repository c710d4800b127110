/**
 * Google Confidential Space root of PKI tokens, published at
 * https://confidentialcomputing.googleapis.com/.well-known/confidential_space_root.crt; here as found in the x5c header of two
 * tokens of 2025.
 */

import type { TrustAnchor } from '../../model/verification.ts';
import { pinnedAnchor } from '../anchor.ts';

/** Signs the chain in the x5c header of Confidential Space PKI tokens. SPKI SHA-256 40b464f4d4ff947572c6b23869a7bccae3f69ba9c81ade6c09d035e4657e40c4. */
export const GOOGLE_CONFIDENTIAL_SPACE_ROOT_CA: TrustAnchor = /* @__PURE__ */ pinnedAnchor(
  'google confidential space root ca',
  'MIIGCDCCA/CgAwIBAgITYBvRy5g9aYYMh7tJS7pFwafL6jANBgkqhkiG9w0BAQsFADCBizELMAkGA1UEBhMCVVMxEzARBgNVBAgTCkNhbGlmb3Ju' +
    'aWExFjAUBgNVBAcTDU1vdW50YWluIFZpZXcxEzARBgNVBAoTCkdvb2dsZSBMTEMxFTATBgNVBAsTDEdvb2dsZSBDbG91ZDEjMCEGA1UEAxMaQ29u' +
    'ZmlkZW50aWFsIFNwYWNlIFJvb3QgQ0EwHhcNMjQwMTE5MjIxMDUwWhcNMzQwMTE2MjIxMDQ5WjCBizELMAkGA1UEBhMCVVMxEzARBgNVBAgTCkNh' +
    'bGlmb3JuaWExFjAUBgNVBAcTDU1vdW50YWluIFZpZXcxEzARBgNVBAoTCkdvb2dsZSBMTEMxFTATBgNVBAsTDEdvb2dsZSBDbG91ZDEjMCEGA1UE' +
    'AxMaQ29uZmlkZW50aWFsIFNwYWNlIFJvb3QgQ0EwggIiMA0GCSqGSIb3DQEBAQUAA4ICDwAwggIKAoICAQCvRuZasczAqhMZe1ODHJ6MFLX8EYVV' +
    '+RN7xiO9GpuA53izl9Oxgp3NXik3FbYn+7bcIkMMSQpCr6K0jbSQCZT6d5P5PJT5DpNGYjLHkW67/fl+Bu7eSMb0qRCa1jS+3OhNK7t7SIaHm1Xd' +
    'mSRghjwoglKRuk3CGrF4Zia9RcE/p2MU69GyJZpqHYwTplNr3x4zF+2nJk86GywDP+sGwSPWfcmqY04VQD7ZPDEZZ/qgzdoL5ilE92eQnAsy+6m6' +
    'LxBEHHVcFpfDtNVUIt2VMCWLBeOKUQcn5js756xblInqw/QtQRR0An0yfRjBuGvmMjAwETDo5ETY/fc+nbQVYJzNQTc9EOpFFWPpw/ZjFcN9Amnd' +
    'dxYUETFXPmBYerMez0LKNtGpfKYHHhMMTI3mj0m/V9fCbfh2YbBUnMS2Swd20YSIMi/HiGaqOpGUqXMeQVw7phGTS3QYK8ZM65sC/QhIQzXdsiLD' +
    'gFBitVnlIu3lIv6CuiHvXeSJBRlRxQ8Vu+t6J7hBdl0etWBKAu9Vti46af5cjC03dspkHR3MAUGcrLWETkQ0msQAKvIAlwyQRLuQOI5D6pF+6af1' +
    'Nbl+vR7sLCbDWdMqm1E9X6KyFKd6e3rnE9O4dkFJp35WvR2gqIAkUoa+Vq1MXLFYG4imanZKH0igrIblbawRCr3Gr24FXQIDAQABo2MwYTAOBgNV' +
    'HQ8BAf8EBAMCAQYwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUF+fBOE6Th1snpKuvIb6S8/mtPL4wHwYDVR0jBBgwFoAUF+fBOE6Th1snpKuv' +
    'Ib6S8/mtPL4wDQYJKoZIhvcNAQELBQADggIBAGtCuV5eHxWcffylK9GPumaD6Yjdcs76KDBe3mky5ItBIrEOeZq3z47zM4dbKZHhFuoq4yAaO1My' +
    'ApnG0w9wIQLBDndIovtkw6j9/64aqPWpNaoB5MB0SahCUCgI83Dx9SRqGmjPI/MTMfwDLdE5EF9gFmVIoH62YnG2aa/sc6m/8wIK8WtTJazEI16/' +
    '8GPG4ZUhwT6aR3IGGnEBPMbMd5VZQ0HwVbHBKWK3UykaSCxnEg8uaNx/rhNaOWuWtos4qL00dYyGV7ZXg4fpAq7244QUgkWVAtVcU2SPBjDd30OF' +
    'HASnenDHRzQdOtHaxLp4a4WaY3jb2V6Sn3LfE8zSy6GevxmNCOIWW3xnPF8rwKz4ABEPqECe37zzu3W1nzZAFtdkhPBNnlWYkIusTMtU+8v6EPKp' +
    'GIIRphpaDhtGPJQukpENOfk2728lenPycRfjxwA96UKWq0dKZC45MwBEK9Jngn8QcPmpPmx7pSMkSxEX2Vos2JNaNmCKJd2VaXz8M6F2cxscRdh9' +
    'TbAYAjGEEjE1nLUH2YHDS8Y7xYNFIDSFaJAlqGcCUbzjGhrwHGj4voTe9ZvlmngrcA/ptSuBidvsnRDwkNPLowCd0NqxYYSLNL7GroYCFPxoBpr+' +
    '++4vsCaXalbs8iJxdU2EPqG4MB4xWKYguyT5CnJulxSC5CT1',
);

/** Every pinned Google root. */
export const GOOGLE_ROOTS: readonly TrustAnchor[] = [GOOGLE_CONFIDENTIAL_SPACE_ROOT_CA];
