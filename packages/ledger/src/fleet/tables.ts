/** Tables of the fleet (rows/operation.ts says in which words). */

export const FLEET_TABLES = `
CREATE TABLE fleet (member TEXT PRIMARY KEY, about TEXT, alive_until NUMBER NOT NULL);
CREATE TABLE fleet_key_ids (key_id NUMBER PRIMARY KEY, member TEXT NOT NULL);
`;
