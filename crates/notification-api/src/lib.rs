//! Contract of the notification service.
