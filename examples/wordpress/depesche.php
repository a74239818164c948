<?php
/**
 * Plugin Name:       Depesche
 * Description:       A teaser and an English version of a German article, made by your own Depesche service.
 * Version:           0.1.0
 * Requires at least: 6.0
 * Requires PHP:      7.4
 * License:           Apache-2.0
 * License URI:       https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:       depesche
 *
 * Settings → Depesche takes the address of the service and a key. The editor of a post then has a panel with two
 * buttons. The browser asks WordPress, and WordPress asks the service: the browser learns neither address nor key.
 */

namespace Depesche;

use WP_Error;
use WP_Post;
use WP_REST_Request;
use WP_REST_Response;

defined( 'ABSPATH' ) || exit;

const OPTION      = 'depesche_settings';
const PAGE        = 'depesche';
const NAMESPACE_1 = 'depesche/v1';
const TIMEOUT_S   = 60;
// Meta of an English version. They stay when the plugin goes: where a text comes from is part of the text.
const META_SOURCE   = '_depesche_source';
const META_MACHINE  = '_depesche_machine_made';
const META_REVIEWED = '_depesche_human_reviewed';
const META_RECORD   = '_depesche_provenance';

register_activation_hook( __FILE__, __NAMESPACE__ . '\activate' );
add_action( 'init', __NAMESPACE__ . '\register_meta_fields' );
add_action( 'admin_init', __NAMESPACE__ . '\register_settings' );
add_action( 'admin_menu', __NAMESPACE__ . '\register_page' );
add_action( 'rest_api_init', __NAMESPACE__ . '\register_routes' );
add_action( 'enqueue_block_editor_assets', __NAMESPACE__ . '\enqueue_panel' );
add_filter( 'display_post_states', __NAMESPACE__ . '\post_states', 10, 2 );

function activate(): void {
	add_option( OPTION, array(), '', false );
	register_uninstall_hook( __FILE__, __NAMESPACE__ . '\uninstall' );
}

/** Address and key go; posts and what is said about their origin stay. */
function uninstall(): void {
	delete_option( OPTION );
}

// Settings.

function settings(): array {
	return wp_parse_args( (array) get_option( OPTION, array() ), array( 'url' => '', 'key' => '' ) );
}

function register_settings(): void {
	register_setting(
		PAGE,
		OPTION,
		array( 'type' => 'object', 'sanitize_callback' => __NAMESPACE__ . '\sanitize_settings', 'show_in_rest' => false )
	);
	add_settings_section( 'service', '', '__return_null', PAGE );
	add_settings_field( 'url', __( 'Address', 'depesche' ), __NAMESPACE__ . '\url_field', PAGE, 'service', array( 'label_for' => 'depesche-url' ) );
	add_settings_field( 'key', __( 'Key', 'depesche' ), __NAMESPACE__ . '\key_field', PAGE, 'service', array( 'label_for' => 'depesche-key' ) );
}

/** What is stored of a sent form: a wrong address leaves the old one, an empty key leaves the old one. */
function sanitize_settings( $sent ): array {
	$stored = settings();
	$sent   = is_array( $sent ) ? $sent : array();
	$typed  = trim( (string) ( $sent['url'] ?? '' ) );
	$url    = untrailingslashit( esc_url_raw( $typed, array( 'http', 'https' ) ) );
	// Not wp_http_validate_url: it refuses private addresses, and such a service belongs on one.
	if ( '' !== $typed && ! preg_match( '#^https?://[^/\s]+#i', $typed ) ) {
		add_settings_error( OPTION, 'url', __( 'The address has to be like https://depesche.example', 'depesche' ) );
		$url = $stored['url'];
	}
	$key = sanitize_text_field( (string) ( $sent['key'] ?? '' ) );
	if ( ! empty( $sent['forget_key'] ) ) {
		$key = '';
	} elseif ( '' === $key ) {
		$key = $stored['key'];
	}
	return array( 'url' => $url, 'key' => $key );
}

function register_page(): void {
	add_options_page( 'Depesche', 'Depesche', 'manage_options', PAGE, __NAMESPACE__ . '\show_page' );
}

function show_page(): void {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	echo '<div class="wrap"><h1>Depesche</h1><form action="options.php" method="post">';
	settings_fields( PAGE );
	do_settings_sections( PAGE );
	submit_button();
	echo '</form></div>';
}

function url_field(): void {
	printf(
		'<input id="depesche-url" name="%s[url]" type="url" class="regular-text" value="%s" placeholder="http://127.0.0.1:8000">',
		esc_attr( OPTION ),
		esc_attr( settings()['url'] )
	);
}

/** The stored key is never printed. */
function key_field(): void {
	$stored = '' !== settings()['key'];
	printf(
		'<input id="depesche-key" name="%1$s[key]" type="password" class="regular-text" value="" autocomplete="off" placeholder="%2$s">
		<p><label><input name="%1$s[forget_key]" type="checkbox" value="1"> %3$s</label></p>',
		esc_attr( OPTION ),
		esc_attr( $stored ? __( 'stored; empty keeps it', 'depesche' ) : __( 'none', 'depesche' ) ),
		esc_html__( 'Forget the stored key', 'depesche' )
	);
}

// What is kept beside an English version.

function register_meta_fields(): void {
	$may  = static function ( $allowed, $key, $post_id ) {
		return current_user_can( 'edit_post', $post_id );
	};
	$kept = array( META_SOURCE => 'integer', META_MACHINE => 'boolean', META_REVIEWED => 'boolean', META_RECORD => 'string' );
	foreach ( $kept as $key => $type ) {
		register_meta( 'post', $key, array( 'type' => $type, 'single' => true, 'show_in_rest' => true, 'auth_callback' => $may ) );
	}
}

/** The list of posts says which are machine-made and not reviewed. */
function post_states( array $states, WP_Post $post ): array {
	if ( get_post_meta( $post->ID, META_MACHINE, true ) && ! get_post_meta( $post->ID, META_REVIEWED, true ) ) {
		$states['depesche'] = esc_html__( 'Machine translation, not reviewed', 'depesche' );
	}
	return $states;
}

// REST routes for the panel.

function register_routes(): void {
	$text = array( 'type' => 'string', 'required' => true );
	$args = array( 'post' => array( 'type' => 'integer', 'required' => true ), 'title' => $text, 'excerpt' => $text, 'content' => $text );
	foreach ( array( 'teaser', 'english' ) as $name ) {
		register_rest_route(
			NAMESPACE_1,
			'/' . $name,
			array(
				'methods'             => 'POST',
				'callback'            => __NAMESPACE__ . '\answer_' . $name,
				'permission_callback' => __NAMESPACE__ . '\may_ask',
				'args'                => $args,
			)
		);
	}
}

/** Who may write posts, and this one; asked from a page of this site (nonce). */
function may_ask( WP_REST_Request $request ): bool {
	return (bool) wp_verify_nonce( (string) $request->get_header( 'X-WP-Nonce' ), 'wp_rest' )
		&& current_user_can( 'edit_posts' )
		&& current_user_can( 'edit_post', (int) $request['post'] );
}

/** A teaser, for the editor to take or leave: nothing is stored. */
function answer_teaser( WP_REST_Request $request ) {
	$result = ask( $request, array( 'outputs' => array( 'summary' ), 'style' => 'teaser' ) );
	if ( is_wp_error( $result ) ) {
		return $result;
	}
	return new WP_REST_Response( array( 'teaser' => plain( $result['summary']['text'] ) ) + notes( $result, 'summary' ) );
}

/** A draft with the translation, marked as machine-made and with the post that it comes from. */
function answer_english( WP_REST_Request $request ) {
	$source = get_post( (int) $request['post'] );
	$type   = $source ? get_post_type_object( $source->post_type ) : null;
	if ( ! $type || ! current_user_can( $type->cap->create_posts ) ) {
		return new WP_Error( 'depesche_forbidden', __( 'You may not create such posts.', 'depesche' ), array( 'status' => 403 ) );
	}
	$lead   = trim( (string) $request['excerpt'] );
	$result = ask( $request, array( 'outputs' => array( 'translation' ) ) + ( '' === $lead ? array() : array( 'lead' => $lead ) ) );
	if ( is_wp_error( $result ) ) {
		return $result;
	}
	$draft = insert_draft( $source, $result );
	if ( is_wp_error( $draft ) ) {
		return $draft;
	}
	$told = array( 'draft' => $draft, 'edit_url' => esc_url_raw( (string) get_edit_post_link( $draft, 'raw' ) ) );
	return new WP_REST_Response( $told + notes( $result, 'translation' ), 201 );
}

function insert_draft( WP_Post $source, array $result ) {
	$translation = $result['translation'];
	// What comes over the network is not trusted more than a contributor: scripts and iframes go, whoever asks.
	$post = array(
		'post_type'    => $source->post_type,
		'post_status'  => 'draft',
		'post_author'  => get_current_user_id(),
		'post_title'   => plain( $translation['headline'] ?? '' ),
		'post_excerpt' => plain( $translation['lead'] ?? '' ),
		'post_content' => wp_kses_post( $translation['text'] ),
		'meta_input'   => array(
			META_SOURCE  => $source->ID,
			META_MACHINE => true,
			META_RECORD  => wp_json_encode( $result['provenance']['jsonld'] ?? array() ),
		),
	);
	return wp_insert_post( wp_slash( $post ), true );
}

/** Text without markup. */
function plain( ?string $text ): string {
	return trim( wp_strip_all_tags( (string) $text ) );
}

/** What an editor has to know of a result. */
function notes( array $result, string $output ): array {
	$found    = array_merge( $result['article']['warnings'], $result[ $output ]['warnings'] );
	$warnings = array();
	foreach ( $found as $warning ) {
		$message              = plain( $warning['message'] );
		$warnings[ $message ] = array( 'code' => sanitize_key( $warning['code'] ), 'message' => $message );
	}
	$qualities = array_column( array_filter( $result['models'] ), 'quality' );
	return array(
		'warnings'     => array_values( $warnings ),
		'needs_review' => (bool) $result[ $output ]['needs_review'],
		'starter'      => in_array( 'starter', $qualities, true ),
	);
}

// The service.

/** The service's answer to the article in the editor, or the failure as a WP_Error that the panel shows. */
function ask( WP_REST_Request $request, array $wanted ) {
	$article = $wanted + array( 'body' => (string) $request['content'], 'format' => 'html', 'clean' => false );
	$title   = trim( (string) $request['title'] );
	if ( '' !== $title ) {
		$article['headline'] = $title;
	}
	$settings = settings();
	if ( '' === $settings['url'] ) {
		return failure( 503, 'not_set_up', __( 'The address of the service is missing: Settings → Depesche.', 'depesche' ) );
	}
	$headers = array(
		'Content-Type'       => 'application/json',
		'Accept'             => 'application/json',
		'Request-Timeout-Ms' => (string) ( 1000 * ( TIMEOUT_S - 5 ) ), // so that the service, not the transport, gives up first
	);
	if ( '' !== $settings['key'] ) {
		$headers['Authorization'] = 'Bearer ' . $settings['key'];
	}
	$sent   = array( 'headers' => $headers, 'body' => wp_json_encode( $article ), 'timeout' => TIMEOUT_S, 'redirection' => 0 );
	$answer = wp_remote_post( $settings['url'] . '/v1/articles', $sent );
	if ( is_wp_error( $answer ) ) {
		return failure( 502, 'unreachable', __( 'The service cannot be reached.', 'depesche' ) );
	}
	return understood( $answer, array_intersect( array( 'summary', 'translation' ), $wanted['outputs'] ) );
}

/** The decoded answer, or its problem (RFC 9457) as a WP_Error. */
function understood( array $answer, array $outputs ) {
	$status = (int) wp_remote_retrieve_response_code( $answer );
	$body   = json_decode( wp_remote_retrieve_body( $answer ), true );
	if ( 200 !== $status ) {
		return problem( $status, is_array( $body ) ? $body : array(), (int) wp_remote_retrieve_header( $answer, 'retry-after' ) );
	}
	foreach ( array_merge( array( 'article', 'models' ), $outputs ) as $name ) {
		if ( ! is_array( $body[ $name ] ?? null ) ) {
			return failure( 502, 'not_understood', __( 'The answer is not that of a Depesche service.', 'depesche' ) );
		}
	}
	return $body;
}

function problem( int $status, array $body, int $wait_s ): WP_Error {
	$code = sanitize_key( $body['code'] ?? 'http_' . $status );
	if ( in_array( $status, array( 401, 403 ), true ) ) {
		// Not handed on as 401 or 403: the editor would take it for the end of its own session.
		return failure( 502, $code, __( 'The service refuses the key: Settings → Depesche.', 'depesche' ) );
	}
	if ( in_array( $status, array( 429, 503 ), true ) ) {
		/* translators: %d: seconds */
		return failure( $status, $code, sprintf( __( 'The service is busy. Please try again in %d seconds.', 'depesche' ), max( 1, $wait_s ) ) );
	}
	$detail = plain( $body['detail'] ?? '' );
	foreach ( $body['errors'] ?? array() as $error ) {
		$detail .= sprintf( ' [%s: %s]', plain( $error['pointer'] ?? '' ), plain( $error['detail'] ?? '' ) );
	}
	/* translators: 1: HTTP status, 2: what the service says */
	return failure( $status >= 400 ? $status : 502, $code, sprintf( __( 'The service answers %1$d: %2$s', 'depesche' ), $status, $detail ) );
}

function failure( int $status, string $code, string $message ): WP_Error {
	return new WP_Error( 'depesche_' . $code, $message, array( 'status' => $status ) );
}

// The panel in the block editor.

function enqueue_panel(): void {
	$screen = get_current_screen();
	if ( ! $screen || 'post' !== $screen->base ) {
		return;
	}
	$needs = array( 'wp-api-fetch', 'wp-components', 'wp-data', 'wp-edit-post', 'wp-editor', 'wp-element', 'wp-i18n', 'wp-plugins' );
	wp_register_script( 'depesche-panel', false, $needs, '0.1.0', true );
	wp_enqueue_script( 'depesche-panel' );
	wp_add_inline_script( 'depesche-panel', PANEL );
}

// React escapes every text below; nothing is set as HTML. apiFetch sends the nonce.
const PANEL = <<<'JS'
( function ( wp ) {
	const el = wp.element.createElement;
	const { useState } = wp.element;
	const { Button, CheckboxControl, Modal, Notice } = wp.components;
	const { useDispatch, useSelect } = wp.data;
	const { __ } = wp.i18n;
	// In wp.editor since WordPress 6.6, in wp.editPost before.
	const { PluginDocumentSettingPanel } = wp.editor.PluginDocumentSettingPanel ? wp.editor : wp.editPost;

	function Notes( { found } ) {
		const lines = found.warnings.map( ( warning ) => warning.message );
		if ( found.starter ) {
			lines.unshift( __( 'Made by starter models: not for publication.', 'depesche' ) );
		}
		if ( found.needs_review ) {
			lines.unshift( __( 'To be checked before publication.', 'depesche' ) );
		}
		return lines.map( ( line, n ) => el( Notice, { key: n, status: 'warning', isDismissible: false }, line ) );
	}

	function Teaser( { found, close } ) {
		const { editPost } = useDispatch( 'core/editor' );
		const present = useSelect( ( select ) => select( 'core/editor' ).getEditedPostAttribute( 'excerpt' ) );
		const take = () => {
			editPost( { excerpt: found.teaser } );
			close();
		};
		return el( Modal, { title: __( 'Teaser', 'depesche' ), onRequestClose: close },
			el( 'p', null, found.teaser ),
			el( Notes, { found } ),
			present ? el( 'p', null, __( 'It replaces this excerpt:', 'depesche' ), ' ', el( 'em', null, present ) ) : null,
			el( Button, { variant: 'primary', onClick: take }, __( 'Use as excerpt', 'depesche' ) ),
			el( Button, { variant: 'tertiary', onClick: close }, __( 'Discard', 'depesche' ) )
		);
	}

	function Origin() {
		const { editPost } = useDispatch( 'core/editor' );
		const meta = useSelect( ( select ) => select( 'core/editor' ).getEditedPostAttribute( 'meta' ) );
		return el( wp.element.Fragment, null,
			el( Notice, { status: 'warning', isDismissible: false },
				__( 'Machine translation of post', 'depesche' ) + ' ' + meta._depesche_source ),
			el( CheckboxControl, {
				label: __( 'A person has reviewed it', 'depesche' ),
				checked: !! meta._depesche_human_reviewed,
				onChange: ( reviewed ) => editPost( { meta: { _depesche_human_reviewed: reviewed } } ),
			} )
		);
	}

	function Panel() {
		const [ busy, setBusy ] = useState( '' );
		const [ failed, setFailed ] = useState( '' );
		const [ teaser, setTeaser ] = useState( null );
		const [ draft, setDraft ] = useState( null );
		const article = () => {
			const editor = wp.data.select( 'core/editor' );
			return {
				post: editor.getCurrentPostId(),
				title: editor.getEditedPostAttribute( 'title' ) || '',
				excerpt: editor.getEditedPostAttribute( 'excerpt' ) || '',
				content: editor.getEditedPostContent() || '',
			};
		};
		const ask = async ( name, show ) => {
			setBusy( name );
			setFailed( '' );
			try {
				show( await wp.apiFetch( { path: '/depesche/v1/' + name, method: 'POST', data: article() } ) );
			} catch ( error ) {
				setFailed( error.message || __( 'That did not work.', 'depesche' ) );
			}
			setBusy( '' );
		};
		const button = ( name, label, show ) => el( Button, {
			variant: 'secondary', isBusy: busy === name, disabled: busy !== '', onClick: () => ask( name, show ),
		}, label );
		const made = useSelect( ( select ) => ( select( 'core/editor' ).getEditedPostAttribute( 'meta' ) || {} )._depesche_machine_made );
		return el( PluginDocumentSettingPanel, { name: 'depesche', title: 'Depesche' },
			made ? el( Origin ) : el( wp.element.Fragment, null,
				button( 'teaser', __( 'Teaser', 'depesche' ), setTeaser ),
				' ',
				button( 'english', __( 'English version', 'depesche' ), setDraft )
			),
			failed ? el( Notice, { status: 'error', onRemove: () => setFailed( '' ) }, failed ) : null,
			draft ? el( 'p', null, el( 'a', { href: draft.edit_url }, __( 'Open the English draft', 'depesche' ) ) ) : null,
			draft ? el( Notes, { found: draft } ) : null,
			teaser ? el( Teaser, { found: teaser, close: () => setTeaser( null ) } ) : null
		);
	}

	wp.plugins.registerPlugin( 'depesche', { render: Panel } );
} )( window.wp );
JS;
