//! How far a punch is from where it should be.

use rollcall_org_api::facts::Geofence;

/// Mean radius of the Earth in metres (IUGG).
const EARTH: f64 = 6_371_008.8;

/// Metres from the centre of `fence`, along the surface, by the haversine formula: right to 0.5 %, which at the
/// scale of a fence is less than any receiver knows.
fn distance(fence: &Geofence, latitude: f64, longitude: f64) -> f64 {
    let (from, to) = (fence.latitude.to_radians(), latitude.to_radians());
    let across = (longitude - fence.longitude).to_radians();
    let half_chord = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * (across / 2.0).sin().powi(2);
    2.0 * EARTH * half_chord.sqrt().min(1.0).asin()
}

/// Whole metres from the centre when that is outside of `fence`; none inside.
pub(crate) fn outside(fence: &Geofence, latitude: f64, longitude: f64) -> Option<u32> {
    let metres = distance(fence, latitude, longitude);
    (metres > f64::from(fence.radius_m)).then(|| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and half the circumference of the Earth"
        )]
        let whole = metres.round() as u32;
        whole
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Geofence = Geofence { latitude: 52.520_008, longitude: 13.404_954, radius_m: 200 };

    #[test]
    fn known_distances_come_out() {
        let hamburg = distance(&BERLIN, 53.551_086, 9.993_682);
        assert!((254_000.0..257_000.0).contains(&hamburg), "{hamburg}");
        let across_the_date_line =
            distance(&Geofence { latitude: 0.0, longitude: 179.999, radius_m: 1 }, 0.0, -179.999);
        assert!((220.0..225.0).contains(&across_the_date_line), "{across_the_date_line}");
        let antipodes = distance(&Geofence { latitude: 90.0, longitude: 0.0, radius_m: 1 }, -90.0, 77.0);
        assert!((20_015_000.0..20_016_000.0).contains(&antipodes), "{antipodes}");
    }

    #[test]
    fn the_edge_is_inside() {
        assert_eq!(outside(&BERLIN, 52.520_008, 13.404_954), None);
        // A thousandth of a degree of latitude is 111 m.
        assert_eq!(outside(&BERLIN, 52.521_708, 13.404_954), None);
        assert_eq!(outside(&BERLIN, 52.522_008, 13.404_954), Some(222));
    }
}
