/**
 * The compilers whose package is pinned here, by the integrity that the registry gave when they were first fetched. Others are held to
 * the registry's own word at the time of `assay solc add`, and then to the manifest.
 */

/** The set of an agent's image: the last of each series, those of well-known deployments, and the default of requests. */
export const DEFAULT_COMPILERS = [
  '0.4.26',
  '0.5.16',
  '0.5.17',
  '0.6.12',
  '0.7.6',
  '0.8.13',
  '0.8.20',
  '0.8.24',
  '0.8.37',
] as const;

export const PINNED_INTEGRITY: Readonly<Record<string, string>> = {
  '0.4.26': 'sha512-o+c6FpkiHd+HPjmjEVpQgH7fqZ14tJpXhho+/bQXlXbliLIS/xjXb42Vxh+qQY1WCSTMQ0+a5vR9vi0MfhU6mA==',
  '0.5.16': 'sha512-weEtRtisJyf+8UjELs7S4ST1KK7UIq6SRB7tpprfJBL9b5mTrZAT7m4gJKi2h6MiBpuSWfnraK8BnkyWzuTMRA==',
  '0.5.17': 'sha512-qpX+PGaU0Q3c6lh2vDzMoIbhv6bIrecI4bYsx+xUs01xsGFnY6Nr0L8y/QMyutTnrHN6Lb/Yl672ZVRqxka96w==',
  '0.6.12': 'sha512-Lm0Ql2G9Qc7yPP2Ba+WNmzw2jwsrd3u4PobHYlSOxaut3TtUbj9+5ZrT6f4DUpNPEoBaFUOEg9Op9C0mk7ge9g==',
  '0.7.6': 'sha512-WsR/W7CXwh2VnmZapB4JrsDeLlshoKBz5Pz/zYNulB6LBsOEHI2Zj/GeKLMFcvv57OHiXHvxq5ZOQB+EdqxlxQ==',
  '0.8.13': 'sha512-C0yTN+rjEOGO6uVOXI8+EKa75SFMuZpQ2tryex4QxWIg0HRWZvCHKfVPuLZ5wx06Sb6GBp6uQA5yqQyXZnXOJw==',
  '0.8.20': 'sha512-fPRnGspIEqmhu63RFO3pc79sLA7ZmzO0Uy0L5l6hEt2wAsq0o7UV6pXkAp3Mfv9IBhg7Px/oTu3a+y4gs3BWrQ==',
  '0.8.24': 'sha512-G5yUqjTUPc8Np74sCFwfsevhBPlUifUOfhYrgyu6CmYlC6feSw0YS6eZW47XDT23k3JYdKx5nJ+Q7whCEmNcoA==',
  '0.8.37': 'sha512-ieUYdPDRGNKMsZpCfi9tY64Q+ASoL8tyhLuvf9cFiqDs+6ijlx8Wn2CRi0N71AlCvRx0V092rlUYu3b3PuxWlA==',
};
