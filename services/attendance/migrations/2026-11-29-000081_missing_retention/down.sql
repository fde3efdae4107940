REVOKE DELETE ON missing_punches FROM rollcall_attendance;
DROP POLICY forgetting_old ON missing_punches;
DROP POLICY forgetting ON missing_punches;
DROP INDEX missing_punches_age;
