ALTER TABLE report ADD COLUMN conversation {number};
ALTER TABLE report ADD COLUMN seq {number};
ALTER TABLE report ADD COLUMN is_whisper {number};
