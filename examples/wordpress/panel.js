/**
 * The panel in the block editor. It starts a task, and polls the state of the task while the editor goes on writing.
 *
 * React escapes every text below; nothing is set as HTML. apiFetch sends the nonce.
 */
( function ( wp ) {
	const el = wp.element.createElement;
	const { Fragment, useEffect, useRef, useState } = wp.element;
	const { Button, CheckboxControl, Modal, Notice, Spinner } = wp.components;
	const { useDispatch, useSelect } = wp.data;
	const { __ } = wp.i18n;
	// In wp.editor since WordPress 6.6, in wp.editPost before.
	const { PluginDocumentSettingPanel } = wp.editor.PluginDocumentSettingPanel ? wp.editor : wp.editPost;
	const LOST_S = 10; // pause after a poll that did not reach WordPress

	/** The state of the task `kind` of the current post, and functions that start and drop the task. */
	function useTask( kind ) {
		const post = useSelect( ( select ) => select( 'core/editor' ).getCurrentPostId() );
		const path = '/depesche/v1/tasks/' + kind + '?post=' + post;
		const [ task, setTask ] = useState( { state: 'none' } );
		const working = useRef( false );
		const poll = async () => {
			try {
				setTask( await wp.apiFetch( { path } ) );
			} catch ( error ) {
				setTask( ( last ) => ( { ...last, message: error.message, retry_after: LOST_S } ) );
			}
		};
		// The request in which PHP waits for the result. The polls report its outcome.
		const work = async () => {
			if ( ! working.current ) {
				working.current = true;
				await wp.apiFetch( { path: path + '&work=1' } ).catch( () => {} );
				working.current = false;
			}
		};
		// A task may be running from before the editor was closed.
		useEffect( () => void poll(), [ path ] );
		useEffect( () => {
			if ( task.state !== 'running' ) {
				return undefined;
			}
			const timer = setTimeout( () => {
				if ( task.needs_work ) {
					work();
				}
				poll();
			}, 1000 * task.retry_after );
			return () => clearTimeout( timer );
		}, [ task ] );
		const start = async () => {
			const editor = wp.data.select( 'core/editor' );
			const data = {
				title: editor.getEditedPostAttribute( 'title' ) || '',
				excerpt: editor.getEditedPostAttribute( 'excerpt' ) || '',
				content: editor.getEditedPostContent() || '',
			};
			setTask( { ...task, state: 'starting', message: undefined } );
			try {
				setTask( await wp.apiFetch( { path, method: 'POST', data } ) );
			} catch ( error ) {
				setTask( { ...task, state: 'failed', message: error.message || __( 'That did not work.', 'depesche' ) } );
			}
		};
		const drop = async () => {
			setTask( { ...task, state: 'none', message: undefined } );
			await wp.apiFetch( { path, method: 'DELETE' } ).catch( () => {} );
		};
		return { ...task, busy: [ 'starting', 'running' ].includes( task.state ), start, drop };
	}

	function Notes( { found } ) {
		const lines = found.warnings.map( ( warning ) => warning.message );
		if ( found.quality === 'starter' ) {
			lines.unshift( __( 'Made by starter models: not for publication.', 'depesche' ) );
		} else if ( found.quality === 'draft' ) {
			lines.unshift( __( 'A draft: compare every sentence with the original.', 'depesche' ) );
		}
		if ( found.needs_review ) {
			lines.unshift( __( 'To be checked before publication.', 'depesche' ) );
		}
		return lines.map( ( line, n ) => el( Notice, { key: n, status: 'warning', isDismissible: false }, line ) );
	}

	function Teaser( { task } ) {
		const { editPost } = useDispatch( 'core/editor' );
		const present = useSelect( ( select ) => select( 'core/editor' ).getEditedPostAttribute( 'excerpt' ) );
		const take = () => {
			editPost( { excerpt: task.teaser } );
			task.drop();
		};
		return el( Modal, { title: __( 'Teaser', 'depesche' ), onRequestClose: task.drop },
			el( 'p', null, task.teaser ),
			el( Notes, { found: task.notes } ),
			present ? el( 'p', null, __( 'It replaces this excerpt:', 'depesche' ), ' ', el( 'em', null, present ) ) : null,
			el( Button, { variant: 'primary', onClick: take }, __( 'Use as excerpt', 'depesche' ) ),
			el( Button, { variant: 'tertiary', onClick: task.drop }, __( 'Discard', 'depesche' ) )
		);
	}

	/** What an English version tells about itself: its original, its warnings, and whether a person has reviewed it. */
	function Origin( { meta } ) {
		const { editPost } = useDispatch( 'core/editor' );
		return el( Fragment, null,
			el( Notice, { status: 'warning', isDismissible: false },
				__( 'Machine translation of this post:', 'depesche' ), ' ',
				el( 'a', { href: 'post.php?action=edit&post=' + meta._depesche_source }, __( 'Open the original', 'depesche' ) ) ),
			meta._depesche_notes ? el( Notes, { found: JSON.parse( meta._depesche_notes ) } ) : null,
			el( CheckboxControl, {
				label: __( 'A person has reviewed it', 'depesche' ),
				checked: !! meta._depesche_human_reviewed,
				onChange: ( reviewed ) => editPost( { meta: { _depesche_human_reviewed: reviewed } } ),
			} )
		);
	}

	function Tasks() {
		const teaser = useTask( 'teaser' );
		const english = useTask( 'english' );
		const button = ( task, label ) => el( Button, {
			variant: 'secondary', isBusy: task.busy, disabled: task.busy, onClick: task.start,
		}, label );
		const said = ( task ) => task.message
			? el( Notice, { status: task.busy ? 'warning' : 'error', onRemove: task.drop, isDismissible: ! task.busy }, task.message )
			: null;
		return el( Fragment, null,
			button( teaser, __( 'Teaser', 'depesche' ) ),
			' ',
			button( english, __( 'English version', 'depesche' ) ),
			teaser.busy || english.busy
				? el( 'p', { role: 'status' }, el( Spinner ), ' ', __( 'In progress. You can go on writing and saving.', 'depesche' ) )
				: null,
			said( teaser ),
			said( english ),
			english.state === 'done'
				? el( Notice, { status: 'success', onRemove: english.drop }, __( 'The English version is stored as a draft.', 'depesche' ) )
				: null,
			english.edit_url
				? el( 'p', null, el( 'a', { href: english.edit_url }, __( 'Open the English version', 'depesche' ) ) )
				: null,
			english.state === 'done' ? el( Notes, { found: english.notes } ) : null,
			teaser.state === 'done' ? el( Teaser, { task: teaser } ) : null
		);
	}

	function Panel() {
		const meta = useSelect( ( select ) => select( 'core/editor' ).getEditedPostAttribute( 'meta' ) ) || {};
		return el( PluginDocumentSettingPanel, { name: 'depesche', title: 'Depesche' },
			meta._depesche_machine_made ? el( Origin, { meta } ) : el( Tasks )
		);
	}

	wp.plugins.registerPlugin( 'depesche', { render: Panel } );
} )( window.wp );
