REVOKE DELETE ON mail_deliveries FROM rollcall_notification;
DROP INDEX mail_deliveries_age;
